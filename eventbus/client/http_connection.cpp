#include "eventbus/client/http_connection.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <memory>
#include <string>

namespace eventbus {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using Clock = std::chrono::steady_clock;

/// Resolvers know no deadlines.
asio::awaitable<tcp::resolver::results_type> resolve(ServerUrl server, Clock::time_point deadline, error_code& error) {
  const auto executor = co_await asio::this_coro::executor;
  const auto resolver = std::make_shared<tcp::resolver>(executor);
  asio::steady_timer limit(executor, deadline);
  limit.async_wait([waiting = std::weak_ptr(resolver)](const error_code& ended) {
    const auto late = waiting.lock();
    if (late && !ended) late->cancel();
  });
  auto addresses =
      co_await resolver->async_resolve(server.host, server.port, asio::redirect_error(asio::use_awaitable, error));
  if (error && Clock::now() >= deadline) error = beast::error::timeout;
  co_return addresses;
}

}  // namespace

asio::awaitable<HttpAnswer> HttpConnection::send(HttpRequest request, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  if (connected_ && !still_open(stream_.socket())) close();
  bool kept = connected_;
  while (true) {
    if (!kept) co_await connect(deadline, timeout);
    std::optional<AnswerParser> parser;
    const auto error = co_await exchange(request, parser, deadline);
    last_used_ = Clock::now();
    if (!error) co_return answer_of(*parser);
    close();
    if (error == beast::http::error::body_limit) {
      throw AnswerTooLarge("the answer of " + server_.text() + " is larger than " +
                           std::to_string(most_answer_bytes_ >> 20U) + " MiB; ask for less at a time");
    }
    if (!kept || !may_repeat(request, parser, error)) throw connection_lost(server_, error, timeout);
    kept = false;
  }
}

asio::awaitable<void> HttpConnection::connect(Deadline deadline, std::chrono::milliseconds timeout) {
  error_code error;
  const auto addresses = co_await resolve(server_, deadline, error);
  if (error) throw cannot_reach(server_, error, timeout);
  stream_.expires_at(deadline);
  co_await stream_.async_connect(addresses, asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    close();
    throw cannot_reach(server_, error, timeout);
  }
  stream_.socket().set_option(tcp::no_delay(true), error);
  connected_ = true;
}

asio::awaitable<error_code> HttpConnection::exchange(const HttpRequest& request, std::optional<AnswerParser>& parser,
                                                     Deadline deadline) {
  error_code unsent;
  const auto message = whole_request(server_, request);
  stream_.expires_at(deadline);
  co_await beast::http::async_write(stream_, message, asio::redirect_error(asio::use_awaitable, unsent));
  // A server that refuses a large request may answer and hang up before it has read all of it.
  error_code error;
  do {
    if (Clock::now() >= deadline) co_return beast::error::timeout;
    begin_answer(parser, request, most_answer_bytes_);
    co_await beast::http::async_read_header(stream_, buffer_, *parser,
                                            asio::redirect_error(asio::use_awaitable, error));
  } while (!error && parser->get().result_int() / 100 == 1);
  if (!error && !parser->is_done())
    co_await beast::http::async_read(stream_, buffer_, *parser, asio::redirect_error(asio::use_awaitable, error));
  if (!error && (unsent || !parser->keep_alive())) close();
  co_return error&& unsent ? unsent : error;
}

void HttpConnection::close() {
  stream_.close();
  buffer_.clear();
  connected_ = false;
}

}  // namespace eventbus
