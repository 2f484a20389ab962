#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>

#include "eventbus/cli/bench/wire.hpp"

namespace eventbus::cli {

namespace asio = boost::asio;

/// One connection with one request at a time, kept alive; connects when it has to. For one event loop; lives until its
/// last callback has run.
class WireConnection {
 public:
  /// Status 0: the connection broke (`body` says why) and the request may or may not have been carried out.
  using Answered = std::function<void(int status, std::string_view body)>;

  WireConnection(asio::io_context& loop, asio::ip::tcp::endpoint server) : socket_(loop), server_(std::move(server)) {}

  void send(std::string request, Answered answered);
  /// Drops the request under way without calling back.
  void close();

 private:
  void write();
  void read();
  void lost(const boost::system::error_code& error);

  asio::ip::tcp::socket socket_;
  asio::ip::tcp::endpoint server_;
  std::string request_;
  Answered answered_;
  std::string received_;
  std::array<char, 65536> part_;
};

}  // namespace eventbus::cli
