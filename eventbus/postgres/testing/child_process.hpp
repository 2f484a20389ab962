#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace eventbus::postgres {

/// For tests: how to start a program. Blocking.
struct ChildProcess {
  std::vector<std::string> command;  ///< Absolute path and arguments.
  std::filesystem::path log;         ///< Where its output goes.
  int standard_input = -1;           ///< -1: nothing.
  bool as_server_user = false;       ///< As "postgres" or "nobody" where the caller is root.
  bool dies_with_parent = false;     ///< SIGQUIT when the parent ends: PostgreSQL's immediate shutdown.
  bool own_session = false;          ///< Survives a signal to the parent's process group.
};

pid_t start(const ChildProcess& child);
/// Waits; the exit status, or -1 when a signal ended it.
int wait_for(pid_t process);
/// Gives a folder to the user of `as_server_user`.
void give_to_server_user(const std::filesystem::path& folder);

}  // namespace eventbus::postgres
