#include "eventbus/postgres/testing/test_server.hpp"

#include <fcntl.h>
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
#include "eventbus/testing/child_process.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus::postgres {
namespace {

using namespace std::chrono_literals;

const std::string server_user = "postgres";
const std::filesystem::path programs = "/usr/lib/postgresql/15/bin";
constexpr auto start_timeout = 60s;

std::vector<std::string> environment() {
  return {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
}

/// Waits for the test program's end, then kills the server with its children and removes the folder.
constexpr auto guardian_script = R"(cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -STOP "$pid" 2>/dev/null
  kill -KILL $(cat "/proc/$pid/task/$pid/children" 2>/dev/null) "$pid" 2>/dev/null
fi
tries=0
until rm -rf "$1" 2>/dev/null || [ $tries -ge 50 ]; do tries=$((tries + 1)); sleep 0.1; done)";

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
  const auto as_test = url + " application_name=test";  // its session may last for a moment after it
  auto answer = asio::co_spawn(loop, first_value(as_test, sql, patience), asio::use_future);
  return result_of(loop, std::move(answer), "PostgreSQL's answer to " + sql);
}

}  // namespace

TestServer::TestServer(std::vector<std::string> settings)
    : settings_(std::move(settings)), directory_(make_folder("eventbus-pg-")) {
  start_guardian();
  give_to(server_user, directory_);
  const auto initdb = spawn({.command = {server_program(programs / "initdb"), "-D", directory_ / "data", "-U",
                                         "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"},
                             .environment = environment(),
                             .folder = directory_,
                             .log = directory_ / "log",
                             .user = server_user});
  if (exit_status(initdb, "initdb") != 0) throw std::runtime_error("initdb failed: " + text_of(directory_ / "log"));
  std::ofstream(directory_ / "data" / "pg_hba.conf")
      << "local all all trust\nlocal replication all trust\nhost all locked 127.0.0.1/32 scram-sha-256\n"
         "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n";
  start();
  ask(url(), "CREATE ROLE locked LOGIN PASSWORD 'right'");
}

TestServer::~TestServer() {
  close(guard_pipe_);
  exit_status(guardian_, "the guardian of PostgreSQL");
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
  guardian_ = spawn({.command = {"/bin/sh", "-c", guardian_script, "guardian", directory_},
                     .environment = environment(),
                     .folder = "/",
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
  std::vector<std::string> words{server_program(programs / "postgres"),
                                 "-D",
                                 directory_ / "data",
                                 "-k",
                                 directory_,
                                 "-h",
                                 "127.0.0.1",
                                 "-p",
                                 std::to_string(port_)};
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
    server_ = spawn({.command = command(),
                     .environment = environment(),
                     .folder = directory_,
                     .log = directory_ / "log",
                     .user = server_user,
                     .end_signal = SIGQUIT});  // its immediate shutdown
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
  if (server_ != 0) exit_status(server_, "PostgreSQL");
  server_ = 0;
}

void TestServer::kill() {
  ::kill(server_, SIGSTOP);
  const auto all = processes();
  signal_all(SIGKILL);
  for (const auto process : all) await_end(process, "PostgreSQL's process " + std::to_string(process));
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
