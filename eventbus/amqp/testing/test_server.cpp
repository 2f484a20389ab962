#include "eventbus/amqp/testing/test_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "eventbus/amqp/testing/child_process.hpp"

namespace eventbus::amqp {
namespace {

using namespace std::chrono_literals;

const std::string programs = "/usr/lib/rabbitmq/bin/";
constexpr auto start_timeout = 90s;

/// Waits for the test program's end, then for the server's, which dies with it, and removes the folder.
constexpr auto guardian_script = R"(cat >/dev/null
tries=0
until rm -rf "$1" 2>/dev/null && [ ! -e "$1" ] || [ $tries -ge 100 ]; do tries=$((tries + 1)); sleep 0.1; done)";

std::filesystem::path make_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "eventbus-mq-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("can't make " + name);
  std::filesystem::permissions(name, std::filesystem::perms{0755});
  return name;
}

std::uint16_t free_port() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::runtime_error("can't make a socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool bound = bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                     getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  close(descriptor);
  if (!bound) throw std::runtime_error("there is no free port");
  return ntohs(address.sin_port);
}

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace

TestServer::TestServer(std::string configuration)
    : directory_(make_directory()), port_(free_port()), distribution_port_(free_port()), mapper_port_(free_port()) {
  start_guardian();
  give_to_server_user(directory_);
  std::ofstream(directory_ / "rabbitmq.conf") << configuration << "\ndisk_free_limit.absolute = 1MB\n";
  std::ofstream(directory_ / "plugins") << "[].\n";
  start_port_mapper();
  start();
}

TestServer::~TestServer() {
  signal(SIGKILL);
  wait_for(server_);
  ::kill(mapper_, SIGKILL);
  wait_for(mapper_);
  close(guard_pipe_);
  wait_for(guardian_);
}

TestServer& TestServer::shared() {
  static TestServer server;
  return server;
}

void TestServer::start_guardian() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("can't make a pipe");
  guard_pipe_ = ends[1];
  guardian_ = amqp::start({.command = {"/bin/sh", "-c", guardian_script, "guardian", directory_},
                           .environment = {"PATH=/usr/bin:/bin"},
                           .log = "/dev/null",
                           .standard_input = ends[0],
                           .as_server_user = false,
                           .dies_with_parent = false,
                           .own_session = true});
  close(ends[0]);
}

void TestServer::start_port_mapper() {
  mapper_ = amqp::start({.command = {"/usr/bin/epmd"}, .environment = environment(), .log = directory_ / "epmd.log"});
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
  const auto name = "case_" + std::to_string(++virtual_hosts_);
  control({"add_vhost", name});
  control({"set_permissions", "-p", name, "guest", ".*", ".*", ".*"});
  return name;
}

std::string TestServer::control(std::vector<std::string> arguments) {
  const auto output = directory_ / ("control." + std::to_string(++controls_));
  arguments.insert(arguments.begin(), programs + "rabbitmqctl");
  const auto status =
      wait_for(amqp::start({.command = std::move(arguments), .environment = environment(), .log = output}));
  const auto text = text_of(output);
  if (status != 0) throw std::runtime_error("rabbitmqctl: " + text);
  return text;
}

void TestServer::start() {
  server_ = amqp::start(
      {.command = {programs + "rabbitmq-server"}, .environment = environment(), .log = directory_ / "server.log"});
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
  wait_for(server_);
}

void TestServer::stop() {
  signal(SIGTERM);
  wait_for(server_);
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
