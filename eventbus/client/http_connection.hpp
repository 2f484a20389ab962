#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <cstdint>
#include <optional>

#include "eventbus/client/http_exchange.hpp"

namespace eventbus {

/// The server's answer is larger than the client takes. what() says how large that is.
class AnswerTooLarge : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The awaitable HttpClient: one HTTP/1.1 connection on an event loop, made when first needed and kept alive. One
/// request at a time, on the loop's thread.
class HttpConnection {
 public:
  /// Bodies of answers have at most `most_answer_bytes`.
  HttpConnection(const boost::asio::any_io_executor& loop, ServerUrl server, std::uint64_t most_answer_bytes)
      : server_(std::move(server)), most_answer_bytes_(most_answer_bytes), stream_(loop) {}

  /// `timeout` bounds all of it: finding the address, connecting, sending, and the last byte of the answer. Throws
  /// Unreachable and AnswerTooLarge. A kept connection that the server has closed is replaced first; one that breaks
  /// before the answer begins costs a request that may be repeated (`may_repeat`) one more attempt.
  boost::asio::awaitable<HttpAnswer> send(HttpRequest request, std::chrono::milliseconds timeout);
  /// Whether it waits for the next request.
  bool connected() const { return connected_; }
  std::chrono::steady_clock::time_point last_used() const { return last_used_; }
  /// Ends the request under way with Unreachable.
  void close();

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  boost::asio::awaitable<void> connect(Deadline deadline, std::chrono::milliseconds timeout);
  boost::asio::awaitable<boost::system::error_code> exchange(const HttpRequest& request,
                                                             std::optional<AnswerParser>& parser, Deadline deadline);

  ServerUrl server_;
  std::uint64_t most_answer_bytes_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  bool connected_ = false;
  Deadline last_used_{};
};

}  // namespace eventbus
