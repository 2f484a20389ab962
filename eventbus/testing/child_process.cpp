#include "eventbus/testing/child_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

const passwd& entry_of(const std::string& user) {
  const passwd* found = getpwnam(user.c_str());
  if (found == nullptr) found = getpwnam("nobody");
  if (found == nullptr) throw std::runtime_error("there is no user " + user + " or nobody to run a server as");
  return *found;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct Descriptor {
  explicit Descriptor(int taken) : number(taken) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
  int number;
};

int open_log(const std::filesystem::path& file) {
  return open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

struct Prepared {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int input;
  int output;
  int log;
  uid_t user = 0;
  gid_t group = 0;
};

/// Between fork and exec: nothing but system calls.
[[noreturn]] void become(const ChildProcess& child, const Prepared& with) {
  if (child.own_session) setsid();
  const bool ready =
      dup2(with.input, STDIN_FILENO) >= 0 && dup2(with.output, STDOUT_FILENO) >= 0 &&
      dup2(with.log, STDERR_FILENO) >= 0 &&
      (with.user == 0 || (setgroups(0, nullptr) == 0 && setgid(with.group) == 0 && setuid(with.user) == 0)) &&
      chdir(child.folder.c_str()) == 0 && (child.end_signal == 0 || prctl(PR_SET_PDEATHSIG, child.end_signal) == 0);
  if (ready) execve(with.arguments[0], with.arguments.data(), with.environment.data());
  _exit(127);
}

}  // namespace

pid_t spawn(const ChildProcess& child) {
  const Descriptor nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Descriptor log(open_log(child.log));
  const Descriptor output(open_log(child.output.empty() ? child.log : child.output));
  if (nothing.number < 0 || log.number < 0 || output.number < 0)
    throw std::runtime_error("can't open " + child.log.string() + " or " + child.output.string());
  Prepared prepared{.arguments = pointers_to(child.command),
                    .environment = pointers_to(child.environment),
                    .input = child.standard_input >= 0 ? child.standard_input : nothing.number,
                    .output = output.number,
                    .log = log.number};
  if (!child.user.empty() && geteuid() == 0) {
    prepared.user = entry_of(child.user).pw_uid;
    prepared.group = entry_of(child.user).pw_gid;
  }
  const pid_t process = fork();
  if (process == 0) become(child, prepared);
  if (process < 0) throw std::runtime_error("can't start " + child.command.front());
  return process;
}

void await_end(pid_t process, const std::string& what) {
  const Descriptor end(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (end.number < 0) return;  // it is gone
  pollfd ended{end.number, POLLIN, 0};
  for (const Wait wait("the end of " + what); poll(&ended, 1, static_cast<int>(wait.left().count())) != 1;)
    wait.go_on();
}

int exit_status(pid_t process, const std::string& what) {
  int status = 0;
  try {
    await_end(process, what);
  } catch (const std::runtime_error&) {
    kill(process, SIGKILL);
    waitpid(process, &status, 0);
    throw;
  }
  if (waitpid(process, &status, 0) < 0) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string server_program(const std::filesystem::path& installed) {
  const char* servers = std::getenv("EVENTBUS_TEST_SERVERS");
  return servers == nullptr ? installed : std::filesystem::path(servers) / installed.filename();
}

void give_to(const std::string& user, const std::filesystem::path& folder) {
  if (geteuid() != 0) return;
  if (chown(folder.c_str(), entry_of(user).pw_uid, entry_of(user).pw_gid) != 0)
    throw std::runtime_error("can't give " + folder.string() + " to " + user);
}

std::filesystem::path make_folder(const std::string& prefix) {
  std::string name = (std::filesystem::temp_directory_path() / (prefix + "XXXXXX")).string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("can't make " + name);
  std::filesystem::permissions(name, std::filesystem::perms{0755});
  return name;
}

std::uint16_t free_port() {
  const Descriptor probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool bound = probe.number >= 0 &&
                     bind(probe.number, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                     getsockname(probe.number, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  if (!bound) throw std::runtime_error("there is no free port");
  return ntohs(address.sin_port);
}

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace eventbus
