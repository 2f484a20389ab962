#include "eventbus/cli/stop_signals.hpp"

#include <unistd.h>

#include <csignal>

#include "eventbus/cli/console/exit_code.hpp"

namespace eventbus::cli {
namespace {

sigset_t stopping_signals() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

StopSignals::StopSignals(std::function<void()> on_stop) : on_stop_(std::move(on_stop)) {
  const auto set = stopping_signals();
  pthread_sigmask(SIG_BLOCK, &set, &before_);
  watcher_ = std::thread([this] { watch(); });
}

StopSignals::~StopSignals() {
  ending_ = true;
  pthread_kill(watcher_.native_handle(), SIGINT);
  watcher_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopSignals::watch() {
  const auto set = stopping_signals();
  while (true) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (ending_) return;
    if (stopped_.exchange(true)) _exit(static_cast<int>(ExitCode::interrupted));
    on_stop_();
  }
}

}  // namespace eventbus::cli
