#include "eventbus/postgres/testing/test_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "eventbus/postgres/connection.hpp"
#include "eventbus/postgres/testing/child_process.hpp"

namespace eventbus::postgres {
namespace {

using namespace std::chrono_literals;

const std::string programs = "/usr/lib/postgresql/15/bin/";
constexpr auto start_timeout = 60s;

/// Waits for the test program's end, then kills the server with its children and removes the folder.
constexpr auto guardian_script = R"(cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -STOP "$pid" 2>/dev/null
  kill -KILL $(cat "/proc/$pid/task/$pid/children" 2>/dev/null) "$pid" 2>/dev/null
fi
tries=0
until rm -rf "$1" 2>/dev/null || [ $tries -ge 50 ]; do tries=$((tries + 1)); sleep 0.1; done)";

std::filesystem::path make_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "eventbus-pg-XXXXXX").string();
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

asio::awaitable<std::string> first_value(std::string url, std::string sql, std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto executor = co_await asio::this_coro::executor;
  const auto connection = co_await Connection::connect(executor, ConnectionSettings::parse(url).value(), deadline);
  const auto results = co_await connection->script(std::move(sql), deadline);
  if (results.empty() || results.back().empty()) co_return "";
  co_return std::string(results.back()[0].text(0));
}

std::string ask_within(const std::string& url, const std::string& sql, std::chrono::seconds patience) {
  asio::io_context loop;
  auto answer = asio::co_spawn(loop, first_value(url, sql, patience), asio::use_future);
  loop.run();
  return answer.get();
}

}  // namespace

TestServer::TestServer(std::vector<std::string> settings)
    : settings_(std::move(settings)), directory_(make_directory()) {
  start_guardian();
  give_to_server_user(directory_);
  const auto initdb = postgres::start({.command = {programs + "initdb", "-D", directory_ / "data", "-U", "postgres",
                                                   "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"},
                                       .log = directory_ / "log",
                                       .as_server_user = true});
  if (wait_for(initdb) != 0) throw std::runtime_error("initdb failed: " + text_of(directory_ / "log"));
  std::ofstream(directory_ / "data" / "pg_hba.conf")
      << "local all all trust\nlocal replication all trust\nhost all locked 127.0.0.1/32 scram-sha-256\n"
         "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n";
  start();
  ask(url(), "CREATE ROLE locked LOGIN PASSWORD 'right'");
}

TestServer::~TestServer() {
  close(guard_pipe_);
  wait_for(guardian_);
  reap();
}

TestServer& TestServer::shared() {
  static TestServer server;
  return server;
}

void TestServer::start_guardian() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("can't make a pipe");
  guard_pipe_ = ends[1];
  guardian_ = postgres::start({.command = {"/bin/sh", "-c", guardian_script, "guardian", directory_},
                               .log = "/dev/null",
                               .standard_input = ends[0],
                               .own_session = true});
  close(ends[0]);
}

std::string TestServer::url(const std::string& database) const {
  return "host=" + directory_.string() + " port=" + std::to_string(port_) + " user=postgres dbname=" + database;
}
std::string TestServer::tcp_url(const std::string& database) const {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/" + database;
}
std::string TestServer::locked_url(const std::string& password) const {
  return "postgresql://locked:" + password + "@127.0.0.1:" + std::to_string(port_) + "/postgres";
}

std::string TestServer::create_database() {
  const auto name = "case_" + std::to_string(++databases_);
  ask(url(), "CREATE DATABASE " + name);
  return url(name);
}

std::string TestServer::ask(const std::string& database_url, const std::string& sql) {
  return ask_within(database_url, sql, 60s);
}

std::vector<std::string> TestServer::command() const {
  std::vector<std::string> words{programs + "postgres", "-D", directory_ / "data",  "-k", directory_, "-h",
                                 "127.0.0.1",           "-p", std::to_string(port_)};
  for (const auto* setting :
       {"fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=100", "shared_buffers=64MB"}) {
    words.emplace_back("-c");
    words.emplace_back(setting);
  }
  for (const auto& setting : settings_) {
    words.emplace_back("-c");
    words.push_back(setting);
  }
  return words;
}

void TestServer::start() {
  if (port_ == 0) port_ = free_port();
  const auto deadline = std::chrono::steady_clock::now() + start_timeout;
  for (;;) {
    server_ = postgres::start(
        {.command = command(), .log = directory_ / "log", .as_server_user = true, .dies_with_parent = true});
    try {
      wait_until_ready();
      return;
    } catch (const std::runtime_error&) {
      if (std::chrono::steady_clock::now() > deadline) throw;  // After a kill the old processes may need a moment.
    }
  }
}

void TestServer::wait_until_ready() {
  for (const auto deadline = std::chrono::steady_clock::now() + start_timeout;;) {
    try {
      ask_within(url(), "SELECT 1", 5s);
      return;
    } catch (const Unavailable&) {
      if (waitpid(server_, nullptr, WNOHANG) == server_) {
        server_ = 0;
        throw std::runtime_error("PostgreSQL ended: " + text_of(directory_ / "log"));
      }
      if (std::chrono::steady_clock::now() > deadline) throw;
      std::this_thread::sleep_for(10ms);  // The server tells nobody that it is ready.
    }
  }
}

std::vector<pid_t> TestServer::processes() const {
  const auto server = std::to_string(server_);
  std::istringstream children(text_of("/proc/" + server + "/task/" + server + "/children"));
  std::vector<pid_t> all{server_};
  for (pid_t child = 0; children >> child;) all.push_back(child);
  return all;
}

void TestServer::signal_all(int signal) {
  for (const auto process : processes()) ::kill(process, signal);
}

void TestServer::reap() {
  if (server_ != 0) wait_for(server_);
  server_ = 0;
}

void TestServer::kill() {
  ::kill(server_, SIGSTOP);
  std::vector<pollfd> ends;
  for (const auto process : processes()) {
    const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
    if (descriptor >= 0) ends.push_back({descriptor, POLLIN, 0});
  }
  signal_all(SIGKILL);
  for (auto& end : ends) {
    poll(&end, 1, -1);
    close(end.fd);
  }
  reap();
}

void TestServer::stop() {
  ::kill(server_, SIGINT);
  reap();
}

void TestServer::restart() {
  stop();
  start();
}

void TestServer::freeze() {
  ::kill(server_, SIGSTOP);
  signal_all(SIGSTOP);
}

void TestServer::thaw() {
  signal_all(SIGCONT);
}

}  // namespace eventbus::postgres
