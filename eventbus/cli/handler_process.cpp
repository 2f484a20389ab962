#include "eventbus/cli/handler_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "eventbus/cli/console/exit_code.hpp"

namespace eventbus::cli {
namespace {

constexpr int signal_status_base = 128;

[[noreturn]] void cannot(const char* what, int error) {
  throw CommandFailed(ExitCode::failed, fmt::format("can't {} the handler: {}", what, std::strerror(error)));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  int number() const { return number_; }

 private:
  int number_;
};

/// Our environment with the additions, as posix_spawn wants it. Points into `run`'s copies kept in `texts`.
struct ChildEnvironment {
  std::vector<std::string> texts;
  std::vector<char*> pointers;

  explicit ChildEnvironment(const HandlerRun& run) {
    for (const auto& [name, value] : run.environment) texts.push_back(name + "=" + value);
    for (auto& text : texts) pointers.push_back(text.data());
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!replaced(*entry, run)) pointers.push_back(*entry);
    }
    pointers.push_back(nullptr);
  }

  static bool replaced(std::string_view entry, const HandlerRun& run) {
    for (const auto& [name, value] : run.environment) {
      if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) return true;
    }
    return false;
  }
};

/// The signals that we block or ignore are not the handler's affair.
pid_t spawn(const HandlerRun& run, int standard_input) {
  std::string shell = "/bin/sh";
  std::string option = "-c";
  std::string command = run.command;
  std::array<char*, 4> arguments{shell.data(), option.data(), command.data(), nullptr};
  ChildEnvironment environment(run);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, standard_input, STDIN_FILENO);
  sigset_t none{};
  sigset_t defaults{};
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = -1;
  const int error =
      posix_spawn(&child, shell.c_str(), &actions, &attributes, arguments.data(), environment.pointers.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) cannot("start", error);
  return child;
}

/// Writes what the pipe takes; false when there is nothing more to write (or the handler doesn't read it).
bool write_some(int descriptor, std::string_view& rest) {
  const auto written = ::write(descriptor, rest.data(), rest.size());
  if (written < 0) return errno == EAGAIN || errno == EINTR;
  rest.remove_prefix(static_cast<std::size_t>(written));
  return !rest.empty();
}

int status_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : signal_status_base + WTERMSIG(status);
}

}  // namespace

int run_handler(const HandlerRun& run, std::chrono::milliseconds every, const std::function<void()>& still_running) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) cannot("reach", errno);
  Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  const pid_t child = spawn(run, read_end.number());
  read_end.close();
  // glibc 2.36 declares pidfd_open without C linkage.
  const Descriptor watch(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  if (watch.number() < 0) cannot("watch", errno);
  fcntl(write_end.number(), F_SETFL, O_NONBLOCK);
  std::string_view rest = run.input;
  auto next_call = std::chrono::steady_clock::now() + every;
  while (true) {
    std::array<pollfd, 2> polled{{{watch.number(), POLLIN, 0}, {write_end.number(), POLLOUT, 0}}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(next_call - std::chrono::steady_clock::now());
    poll(polled.data(), polled.size(), static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (polled[0].revents != 0) return status_of(child);
    if (polled[1].revents != 0 && !write_some(write_end.number(), rest)) write_end.close();
    if (std::chrono::steady_clock::now() >= next_call) {
      still_running();
      next_call += every;
    }
  }
}

}  // namespace eventbus::cli
