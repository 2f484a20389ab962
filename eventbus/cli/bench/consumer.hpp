#pragma once

#include <boost/asio/steady_timer.hpp>
#include <string>

#include "eventbus/cli/bench/run.hpp"
#include "eventbus/cli/bench/wire_connection.hpp"

namespace eventbus::cli {

/// Receives and acknowledges in turn, over one connection, and tells the ledger what came.
class Consumer {
 public:
  Consumer(Run& run, const asio::ip::tcp::endpoint& server, std::uint32_t index);

  void start() { receive(); }
  void stop();

 private:
  void receive();
  void received(int status, std::string_view body);
  void ack(const std::string& ids);
  /// Anything but success: a pause, then it receives again. What was not acknowledged comes again and counts as
  /// duplicate.
  void pause();

  Run& run_;
  WireConnection connection_;
  asio::steady_timer timer_;
  std::uint32_t index_;
  std::string target_;
  bool stopped_ = false;
};

}  // namespace eventbus::cli
