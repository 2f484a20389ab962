#include "eventbus/postgres/testing/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace eventbus::postgres {
namespace {

const passwd& server_user() {
  static const passwd user = [] {
    const passwd* found = getpwnam("postgres");
    if (found == nullptr) found = getpwnam("nobody");
    if (found == nullptr) throw std::runtime_error("there is no user postgres or nobody to run PostgreSQL as");
    return *found;
  }();
  return user;
}

/// Between fork and exec: nothing but system calls.
[[noreturn]] void become(const ChildProcess& child, char* const* arguments, int input, int output, uid_t user,
                         gid_t group) {
  if (child.own_session) setsid();
  const bool ready = dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
                     dup2(output, STDERR_FILENO) >= 0 &&
                     (user == 0 || (setgroups(0, nullptr) == 0 && setgid(group) == 0 && setuid(user) == 0)) &&
                     (!child.dies_with_parent || prctl(PR_SET_PDEATHSIG, SIGQUIT) == 0);
  if (ready) execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

pid_t start(const ChildProcess& child) {
  std::vector<char*> arguments;
  arguments.reserve(child.command.size() + 1);
  for (const auto& word : child.command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const bool other_user = child.as_server_user && geteuid() == 0;
  const uid_t user = other_user ? server_user().pw_uid : 0;
  const gid_t group = other_user ? server_user().pw_gid : 0;
  const int output = open(child.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int input = child.standard_input >= 0 ? child.standard_input : open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (output < 0 || input < 0) throw std::runtime_error("can't open " + child.log.string());
  const pid_t process = fork();
  if (process == 0) become(child, arguments.data(), input, output, user, group);
  close(output);
  if (child.standard_input < 0) close(input);
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

}  // namespace eventbus::postgres
