#include "eventbus/amqp/testing/test_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "eventbus/testing/child_process.hpp"

namespace eventbus::amqp {
namespace {

using namespace std::chrono_literals;

const std::string server_user = "rabbitmq";
constexpr auto start_timeout = 90s;

/// Each call of rabbitmqctl takes a second of one processor.
constexpr int virtual_hosts_at_once = 16;
constexpr const char* make_virtual_hosts = R"(
  lists:foreach(
    fun(Number) ->
      Name = iolist_to_binary(io_lib:format("case_~b", [Number])),
      ok = rabbit_vhost:add(Name, <<"test">>),
      Every = <<".*">>,
      ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, Name, Every, Every, Every, <<"test">>)
    end, lists:seq({}, {})).)";

/// Waits for the test program's end, then for the server's, which dies with it, and removes the folder.
constexpr auto guardian_script = R"(cat >/dev/null
tries=0
until rm -rf "$1" 2>/dev/null && [ ! -e "$1" ] || [ $tries -ge 100 ]; do tries=$((tries + 1)); sleep 0.1; done)";

/// The port that an open file of this program is connected with; 0 for anything else.
std::uint16_t port_connected_with(int file) {
  sockaddr_in peer{};
  socklen_t size = sizeof(peer);
  const bool connected = getpeername(file, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
  return connected && peer.sin_family == AF_INET ? ntohs(peer.sin_port) : 0;
}

}  // namespace

TestServer::TestServer(std::string configuration)
    : directory_(make_folder("eventbus-mq-")),
      port_(free_port()),
      distribution_port_(free_port()),
      mapper_port_(free_port()) {
  start_guardian();
  give_to(server_user, directory_);
  std::ofstream(directory_ / "rabbitmq.conf") << configuration << "\ndisk_free_limit.absolute = 1MB\n";
  std::ofstream(directory_ / "plugins") << "[].\n";
  start_port_mapper();
  start();
}

TestServer::~TestServer() {
  signal(SIGKILL);
  exit_status(server_, "RabbitMQ");
  ::kill(mapper_, SIGKILL);
  exit_status(mapper_, "RabbitMQ's port mapper");
  close(guard_pipe_);
  exit_status(guardian_, "the guardian of RabbitMQ");
}

TestServer& TestServer::shared() {
  static TestServer server;
  return server;
}

void TestServer::start_guardian() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("can't make a pipe");
  guard_pipe_ = ends[1];
  guardian_ = spawn({.command = {"/bin/sh", "-c", guardian_script, "guardian", directory_},
                     .environment = {"PATH=/usr/bin:/bin"},
                     .folder = "/",
                     .log = "/dev/null",
                     .standard_input = ends[0],
                     .own_session = true});
  close(ends[0]);
}

void TestServer::start_port_mapper() {
  mapper_ = start_program(server_program("/usr/bin/epmd"), "epmd");
}

pid_t TestServer::start_program(std::string program, const std::string& log) const {
  return spawn({.command = {std::move(program)},
                .environment = environment(),
                .folder = directory_,
                .log = directory_ / (log + ".log"),
                .user = server_user,
                .end_signal = SIGKILL});
}

std::vector<std::string> TestServer::environment() const {
  const auto folder = directory_.string();
  return {"PATH=/usr/sbin:/usr/bin:/bin",
          "LANG=C.UTF-8",
          "HOME=" + folder,
          "ERL_EPMD_PORT=" + std::to_string(mapper_port_),
          "ERL_EPMD_ADDRESS=127.0.0.1",
          "RABBITMQ_NODENAME=test" + std::to_string(port_) + "@localhost",
          "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
          "RABBITMQ_NODE_PORT=" + std::to_string(port_),
          "RABBITMQ_DIST_PORT=" + std::to_string(distribution_port_),
          "RABBITMQ_MNESIA_BASE=" + folder + "/data",
          "RABBITMQ_LOG_BASE=" + folder + "/logs",
          "RABBITMQ_CONFIG_FILE=" + folder + "/rabbitmq.conf",
          "RABBITMQ_CONF_ENV_FILE=" + folder + "/none",
          "RABBITMQ_ENABLED_PLUGINS_FILE=" + folder + "/plugins",
          "RABBITMQ_GENERATED_CONFIG_DIR=" + folder + "/config",
          "RABBITMQ_SCHEMA_DIR=" + folder + "/schema",
          "RABBITMQ_ALLOW_INPUT=1",  // Without it a shell stays between us and the server.
          "RABBITMQ_SERVER_START_ARGS=-noinput"};
}

std::string TestServer::url(const std::string& virtual_host, const std::string& query) const {
  const auto name = virtual_host == "/" ? std::string("%2F") : virtual_host;
  return "amqp://guest:guest@127.0.0.1:" + std::to_string(port_) + "/" + name + query;
}

std::string TestServer::create_virtual_host() {
  if (virtual_hosts_ % virtual_hosts_at_once == 0) {
    control({"eval", fmt::format(make_virtual_hosts, virtual_hosts_ + 1, virtual_hosts_ + virtual_hosts_at_once)});
  }
  return fmt::format("case_{}", ++virtual_hosts_);
}

std::string TestServer::control(std::vector<std::string> arguments) {
  const auto number = std::to_string(++controls_);
  const auto output = directory_ / ("control." + number);
  const auto log = directory_ / ("control.log." + number);
  const auto what = "rabbitmqctl " + arguments.front();
  arguments.insert(arguments.begin(), server_program("/usr/lib/rabbitmq/bin/rabbitmqctl"));
  const auto process = spawn({.command = std::move(arguments),
                              .environment = environment(),
                              .folder = directory_,
                              .output = output,
                              .log = log,
                              .user = server_user,
                              .end_signal = SIGKILL});
  if (exit_status(process, what) != 0) throw std::runtime_error(what + ": " + text_of(output) + text_of(log));
  return text_of(output);
}

std::uint64_t TestServer::sum(std::vector<std::string> arguments) {
  std::istringstream lines(control(std::move(arguments)));
  std::uint64_t sum = 0;
  for (std::string line; std::getline(lines, line);) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc{} || end != line.data() + line.size())
      throw std::runtime_error("rabbitmqctl printed this instead of a number: " + line);
    sum += number;
  }
  return sum;
}

int TestServer::freeze_consuming(const std::string& virtual_host) {
  return std::stoi(
      control({"eval",
               "F = [C || C <- rabbit_channel:list_local(), [{vhost, V}, {consumer_count, N}] <- "
               "[catch rabbit_channel:info(C, [vhost, consumer_count])], V =:= <<\"" +
                   virtual_host + "\">>, N > 0, (catch sys:suspend(C)) =:= ok], persistent_term:put(<<\"frozen " +
                   virtual_host + "\">>, F), length(F)."}));
}

void TestServer::thaw_consuming(const std::string& virtual_host) {
  control({"eval", "[catch sys:resume(C) || C <- persistent_term:get(<<\"frozen " + virtual_host + "\">>)]."});
}

void TestServer::cut_connections() const {
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int number = std::stoi(file.path().filename());
    if (port_connected_with(number) == port_) shutdown(number, SHUT_RDWR);
  }
}

void TestServer::start() {
  server_ = start_program(server_program("/usr/lib/rabbitmq/bin/rabbitmq-server"), "server");
  const auto deadline = std::chrono::steady_clock::now() + start_timeout;
  for (;;) {
    try {
      control({"await_startup", "--timeout", "60"});
      return;
    } catch (const std::runtime_error&) {
      if (waitpid(server_, nullptr, WNOHANG) == server_) throw std::runtime_error("RabbitMQ ended: " + log());
      if (std::chrono::steady_clock::now() > deadline) throw;  // The node takes a moment to be reachable at all.
    }
  }
}

std::string TestServer::log() const {
  return text_of(directory_ / "server.log");
}

void TestServer::signal(int number) const {
  ::kill(server_, number);
}

void TestServer::kill() {
  signal(SIGKILL);
  exit_status(server_, "RabbitMQ");
}

void TestServer::stop() {
  signal(SIGTERM);
  exit_status(server_, "RabbitMQ");
}

void TestServer::restart() {
  stop();
  start();
}

void TestServer::freeze() {
  signal(SIGSTOP);
}

void TestServer::thaw() {
  signal(SIGCONT);
}

}  // namespace eventbus::amqp
