#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace eventbus::amqp {

/// For tests: a RabbitMQ server of its own in a temporary folder, with its own node name, cookie, port mapper (epmd)
/// and free ports, run as a user that is not root. A guardian process removes the folder when this object or the test
/// program is gone, however that ended. Everything here blocks (a `rabbitmqctl` call takes about a second); failures
/// throw std::runtime_error. Make it on a thread that lives as long as the server, the main thread say.
class TestServer {
 public:
  /// `configuration`: lines of rabbitmq.conf.
  explicit TestServer(std::string configuration = "");
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  /// One server for all cases of the test program, started at its first use, stopped at its end.
  static TestServer& shared();

  /// As user guest. `query` as in "?heartbeat=1".
  std::string url(const std::string& virtual_host, const std::string& query = "") const;
  /// A new empty virtual host's name; guest may do everything there.
  std::string create_virtual_host();
  /// Runs `rabbitmqctl` and returns what it prints.
  std::string control(std::vector<std::string> arguments);
  /// The same for a command that prints one number a line: their sum. Whatever else it prints is a failure.
  std::uint64_t sum(std::vector<std::string> arguments);

  /// The server's channels that consume in a virtual host do nothing until they are thawed; how many these are.
  int freeze_consuming(const std::string& virtual_host);
  void thaw_consuming(const std::string& virtual_host);
  /// This program's connections to the server break, and neither side was told before. None may be in the making.
  void cut_connections() const;

  void start();    ///< Waits until the server is ready.
  void kill();     ///< SIGKILL.
  void stop();     ///< Ends in order.
  void restart();  ///< `stop`, `start`.
  void freeze();   ///< SIGSTOP.
  void thaw();     ///< SIGCONT.
  std::uint16_t port() const { return port_; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  void start_guardian();
  void start_port_mapper();
  pid_t start_program(std::string program, const std::string& log) const;
  std::vector<std::string> environment() const;
  void signal(int number) const;
  std::string log() const;

  std::filesystem::path directory_;
  std::uint16_t port_;
  std::uint16_t distribution_port_;
  std::uint16_t mapper_port_;
  pid_t guardian_ = 0;
  int guard_pipe_ = -1;
  pid_t mapper_ = 0;
  pid_t server_ = 0;
  int virtual_hosts_ = 0;
  int controls_ = 0;
};

}  // namespace eventbus::amqp
