#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace eventbus::amqp {

/// For tests: how to start a program. Blocking.
struct ChildProcess {
  std::vector<std::string> command;      ///< Absolute path and arguments.
  std::vector<std::string> environment;  ///< "NAME=value", all of it.
  std::filesystem::path log;             ///< Where its output goes.
  int standard_input = -1;               ///< -1: nothing.
  bool as_server_user = true;            ///< As "rabbitmq" or "nobody" where the caller is root.
  bool dies_with_parent = true;          ///< SIGKILL when the thread that started it ends.
  bool own_session = false;              ///< Survives a signal to the parent's process group.
};

pid_t start(const ChildProcess& child);
/// Waits; the exit status, or -1 when a signal ended it.
int wait_for(pid_t process);
/// Gives a folder to the user of `as_server_user`.
void give_to_server_user(const std::filesystem::path& folder);

}  // namespace eventbus::amqp
