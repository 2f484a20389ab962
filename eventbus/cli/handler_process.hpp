#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace eventbus::cli {

/// One run of a user's command: `/bin/sh -c command` with `input` on its standard input.
struct HandlerRun {
  std::string command;
  std::string input;
  std::vector<std::pair<std::string, std::string>> environment;  ///< Added to our own.
};

/// Runs it and waits for its end. `every` passes while it runs call `still_running` (to extend a lease). Returns the
/// exit status, 128 + n when signal n ended it. Throws CommandFailed when it can't be started.
int run_handler(const HandlerRun& run, std::chrono::milliseconds every, const std::function<void()>& still_running);

}  // namespace eventbus::cli
