#include "eventbus/amqp/testing/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace eventbus::amqp {
namespace {

const passwd& server_user() {
  static const passwd user = [] {
    const passwd* found = getpwnam("rabbitmq");
    if (found == nullptr) found = getpwnam("nobody");
    if (found == nullptr) throw std::runtime_error("there is no user rabbitmq or nobody to run RabbitMQ as");
    return *found;
  }();
  return user;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct Prepared {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int input;
  int output;
  uid_t user;
  gid_t group;
};

/// Between fork and exec: nothing but system calls.
[[noreturn]] void become(const ChildProcess& child, const Prepared& with) {
  if (child.own_session) setsid();
  const bool ready =
      dup2(with.input, STDIN_FILENO) >= 0 && dup2(with.output, STDOUT_FILENO) >= 0 &&
      dup2(with.output, STDERR_FILENO) >= 0 &&
      (with.user == 0 || (setgroups(0, nullptr) == 0 && setgid(with.group) == 0 && setuid(with.user) == 0)) &&
      (!child.dies_with_parent || prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
  if (ready) execve(with.arguments[0], with.arguments.data(), with.environment.data());
  _exit(127);
}

}  // namespace

pid_t start(const ChildProcess& child) {
  const bool other_user = child.as_server_user && geteuid() == 0;
  const Prepared prepared{
      .arguments = pointers_to(child.command),
      .environment = pointers_to(child.environment),
      .input = child.standard_input >= 0 ? child.standard_input : open("/dev/null", O_RDONLY | O_CLOEXEC),
      .output = open(child.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644),
      .user = other_user ? server_user().pw_uid : 0,
      .group = other_user ? server_user().pw_gid : 0};
  if (prepared.output < 0 || prepared.input < 0) throw std::runtime_error("can't open " + child.log.string());
  const pid_t process = fork();
  if (process == 0) become(child, prepared);
  close(prepared.output);
  if (child.standard_input < 0) close(prepared.input);
  if (process < 0) throw std::runtime_error("can't start " + child.command.front());
  return process;
}

int wait_for(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void give_to_server_user(const std::filesystem::path& folder) {
  if (geteuid() != 0) return;
  if (chown(folder.c_str(), server_user().pw_uid, server_user().pw_gid) != 0)
    throw std::runtime_error("can't give " + folder.string() + " to the server's user");
}

}  // namespace eventbus::amqp
