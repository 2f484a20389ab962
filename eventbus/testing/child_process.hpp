#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace eventbus {

/// For tests: how to start a program. Servers refuse root and can't enter just any folder, so they get a user and a
/// folder of their own.
struct ChildProcess {
  std::vector<std::string> command;      ///< Absolute path and arguments.
  std::vector<std::string> environment;  ///< "NAME=value", all of it.
  std::filesystem::path folder;          ///< Where it runs.
  std::filesystem::path output;          ///< Where its standard output goes; empty: where its standard error goes.
  std::filesystem::path log;             ///< Where its standard error goes.
  int standard_input = -1;               ///< -1: nothing.
  std::string user = {};                 ///< Where the caller is root: this one, or "nobody" where there is none such.
  int end_signal = 0;                    ///< Sent when the thread that started it ends; 0: none.
  bool own_session = false;              ///< Survives a signal to the parent's process group.
};

/// Throws std::runtime_error.
pid_t spawn(const ChildProcess& child);
/// Waits; the exit status, or -1 when a signal ended it. Past `test_patience` the process is killed, and
/// std::runtime_error says that `what` did not end.
int exit_status(pid_t process, const std::string& what);
/// Waits for the end of a process that need not be a child, as long as `exit_status`.
void await_end(pid_t process, const std::string& what);
/// The server program that tests start: the installed one, or that of the same name in the folder
/// EVENTBUS_TEST_SERVERS, which has other versions of PostgreSQL's and RabbitMQ's programs.
std::string server_program(const std::filesystem::path& installed);
/// Gives a folder to the user of a child process.
void give_to(const std::string& user, const std::filesystem::path& folder);

/// A new folder among the temporary ones, which everybody may enter.
std::filesystem::path make_folder(const std::string& prefix);
/// A TCP port that nobody listens on.
std::uint16_t free_port();
std::string text_of(const std::filesystem::path& file);

}  // namespace eventbus
