#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace eventbus::postgres {

/// For tests: a PostgreSQL server of its own in a temporary folder, on a Unix socket and a free TCP port, run as a user
/// that is not root. A guardian process stops it and removes the folder when this object or the test program is gone,
/// however that ended. Everything here blocks; failures throw std::runtime_error.
class TestServer {
 public:
  /// `settings` as for `postgres -c`, e.g. "max_connections=20". Durability is off (fsync=off) unless they say so.
  explicit TestServer(std::vector<std::string> settings = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  /// One server for all cases of the test program, started at its first use, stopped at its end.
  static TestServer& shared();

  std::string url(const std::string& database = "postgres") const;      ///< By Unix socket, as superuser "postgres".
  std::string tcp_url(const std::string& database = "postgres") const;  ///< By 127.0.0.1.
  /// By TCP as role "locked", which the server asks for a password.
  std::string locked_url(const std::string& password) const;
  /// A new empty database's URL.
  std::string create_database();
  /// Runs a script in the database of `database_url`; the first value of its last result.
  static std::string ask(const std::string& database_url, const std::string& sql);

  void start();    ///< Waits until the server accepts connections.
  void kill();     ///< SIGKILL to all its processes, like a power cut for the processes.
  void stop();     ///< Ends sessions and shuts down in order.
  void restart();  ///< `stop`, `start`.
  void freeze();   ///< SIGSTOP to all its processes.
  void thaw();
  std::uint16_t port() const { return port_; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  void start_guardian();
  std::vector<std::string> command() const;
  std::vector<pid_t> processes() const;
  void signal_all(int signal);
  void wait_until_ready();
  void reap();

  std::vector<std::string> settings_;
  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  pid_t guardian_ = 0;
  int guard_pipe_ = -1;
  pid_t server_ = 0;
  int databases_ = 0;
};

}  // namespace eventbus::postgres
