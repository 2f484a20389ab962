#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "latencies.hpp"

namespace bench {

struct Response {
  int status = 0;
  std::string_view body;
};

/// What a connection does next.
struct Next {
  enum class Kind : std::uint8_t { send, wait_until, rest, finished } kind = Kind::finished;
  Clock::time_point time{};  ///< For `wait_until`.
};

/// What the connections of a load do. `rest`: until somebody wakes the connection.
class Workload {
 public:
  virtual ~Workload() = default;
  /// Writes the connection's next request into `request` (given empty) when it returns `send`.
  virtual Next next(std::size_t connection, std::string& request) = 0;
  virtual void answered(std::size_t connection, const Response& response, Clock::duration latency) = 0;
};

/// One thread, many keep-alive HTTP/1.1 connections, epoll: a generator lean enough not to be what is measured. Throws
/// std::runtime_error when a connection breaks or answers something that is not HTTP with Content-Length.
class LoadLoop {
 public:
  LoadLoop(const std::string& host, std::uint16_t port, std::size_t connections, Workload& workload);
  ~LoadLoop();
  LoadLoop(const LoadLoop&) = delete;
  LoadLoop& operator=(const LoadLoop&) = delete;

  /// Until every connection has finished.
  void run();
  /// Asks a resting connection for its next request soon.
  void wake(std::size_t connection) { woken_.push_back(connection); }

 private:
  struct Connection;

  void proceed(std::size_t index);
  void flush(Connection& connection);
  void receive(std::size_t index);
  bool parse(std::size_t index);
  void serve_due();
  int timeout_us() const;

  Workload& workload_;
  int epoll_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::multimap<Clock::time_point, std::size_t> waiting_;
  std::deque<std::size_t> woken_;
  std::size_t finished_ = 0;
};

/// A POST with a body as bytes.
void append_post(std::string& out, std::string_view path, std::string_view type, std::string_view body);

}  // namespace bench
