#pragma once

#include <boost/asio/steady_timer.hpp>
#include <string>

#include "eventbus/cli/bench/run.hpp"
#include "eventbus/cli/bench/wire_connection.hpp"

namespace eventbus::cli {

/// Publishes its share of a run's events, one request at a time, over one connection. What was refused for want of
/// room, or not answered, is sent again with the same event ids.
class Producer {
 public:
  Producer(Run& run, const asio::ip::tcp::endpoint& server, std::uint32_t index);

  void start();
  /// Every event was answered, or given up.
  bool finished() const { return finished_; }
  void stop();

 private:
  void next();
  void build();
  void send();
  void answered(int status, std::string_view body);
  void accept(int status, std::string_view body);
  void refuse(const std::string& why);
  void again();

  Run& run_;
  WireConnection connection_;
  asio::steady_timer timer_;
  std::uint32_t index_;
  std::uint64_t share_;
  std::uint64_t number_ = 0;  ///< The first event of the request under way.
  std::uint64_t size_ = 0;    ///< Events of that request.
  std::string request_;
  Clock::time_point due_{};
  Clock::time_point troubled_since_{};
  bool finished_ = false;
};

}  // namespace eventbus::cli
