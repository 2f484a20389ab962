#include "eventbus/client/http_client.hpp"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>

#include "eventbus/client/http_exchange.hpp"

namespace eventbus {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

}  // namespace

struct HttpClient::Impl {
  Impl(ServerUrl where, std::chrono::milliseconds longest) : server(std::move(where)), timeout(longest) {}

  ServerUrl server;
  std::chrono::milliseconds timeout;
  asio::io_context loop{1};
  beast::tcp_stream connection{loop};
  beast::flat_buffer buffer;
  std::atomic<bool> interrupted = false;
  bool connected = false;

  /// Starts one asynchronous operation and blocks until it ended or timed out.
  template <class Start>
  error_code await(const Start& start) {
    if (interrupted) throw Interrupted();
    connection.expires_after(timeout);
    error_code result;
    start([&result](const error_code& error, auto&&...) { result = error; });
    loop.restart();
    loop.run();
    if (interrupted) throw Interrupted();
    return result;
  }

  void close() {
    connection.close();
    buffer.clear();
    connected = false;
  }

  [[noreturn]] void unreached(const error_code& error) {
    close();
    throw cannot_reach(server, error, timeout);
  }

  [[noreturn]] void lost(const error_code& error) {
    close();
    throw connection_lost(server, error, timeout);
  }

  void connect() {
    asio::ip::tcp::resolver resolver(loop);
    error_code error;
    const auto addresses = resolver.resolve(server.host, server.port, error);
    if (error) unreached(error);
    error = await([&](auto done) { connection.async_connect(addresses, done); });
    if (error) unreached(error);
    connection.socket().set_option(asio::ip::tcp::no_delay(true), error);
    connected = true;
  }

  error_code write(const HttpRequest& request) {
    const auto made = whole_request(server, request);
    return await([&](auto done) { http::async_write(connection, made, done); });
  }

  /// Sends, and reads the head of the answer; twice where that may be, see HttpClient.
  void begin(const HttpRequest& request, std::optional<AnswerParser>& parser) {
    if (connected && !still_open(connection.socket())) close();
    const bool kept = connected;
    if (!kept) connect();
    error_code error = write(request);
    if (!error) error = read_head(request, parser);
    if (!error) return;
    if (!kept || !may_repeat(request, parser, error)) lost(error);
    close();
    begin(request, parser);
  }

  error_code read_head(const HttpRequest& request, std::optional<AnswerParser>& parser) {
    error_code error;
    do {
      begin_answer(parser, request);
      error = await([&](auto done) { http::async_read_header(connection, buffer, *parser, done); });
    } while (!error && parser->get().result_int() / 100 == 1);
    return error;
  }

  HttpAnswer finish(AnswerParser& parser) {
    if (!parser.is_done()) {
      if (const auto error = await([&](auto done) { http::async_read(connection, buffer, parser, done); })) lost(error);
    }
    if (!parser.keep_alive()) close();
    return answer_of(parser);
  }

  /// Gives the body to `sink` part by part, so that it is never held whole.
  HttpAnswer pour(AnswerParser& parser, const Sink& sink) {
    auto& body = parser.get().body();
    while (true) {
      if (!body.empty()) {
        const std::string part = std::exchange(body, {});
        if (!sink(part)) {
          close();
          break;
        }
      }
      if (parser.is_done()) break;
      if (const auto error = await([&](auto done) { http::async_read_some(connection, buffer, parser, done); }))
        lost(error);
    }
    if (connected && !parser.keep_alive()) close();
    return answer_of(parser);
  }

  bool answered_early() {
    error_code error;
    return buffer.size() > 0 || connection.socket().available(error) > 0 || error;
  }

  /// Sends the body; an error is for the caller to ignore when an answer can still be read.
  error_code write_chunks(const Source& source) {
    for (std::string part = source(); !part.empty(); part = source()) {
      if (answered_early()) return {};
      const auto chunk = http::make_chunk(asio::buffer(part));
      if (const auto error = await([&](auto done) { asio::async_write(connection, chunk, done); })) return error;
    }
    const auto last = http::make_chunk_last();
    return await([&](auto done) { asio::async_write(connection, last, done); });
  }
};

HttpClient::HttpClient(ServerUrl server, std::chrono::milliseconds timeout)
    : impl_(std::make_unique<Impl>(std::move(server), timeout)) {}
HttpClient::~HttpClient() = default;

void HttpClient::set_timeout(std::chrono::milliseconds timeout) {
  impl_->timeout = timeout;
}

void HttpClient::interrupt() {
  impl_->interrupted = true;
  asio::post(impl_->loop, [impl = impl_.get()] { impl->connection.cancel(); });
}

const ServerUrl& HttpClient::server() const {
  return impl_->server;
}

HttpAnswer HttpClient::send(const HttpRequest& request) {
  std::optional<AnswerParser> parser;
  impl_->begin(request, parser);
  return impl_->finish(*parser);
}

HttpAnswer HttpClient::stream(const HttpRequest& request, const Sink& sink) {
  std::optional<AnswerParser> parser;
  impl_->begin(request, parser);
  if (parser->get().result_int() / 100 != 2) return impl_->finish(*parser);
  return impl_->pour(*parser, sink);
}

HttpAnswer HttpClient::upload(const HttpRequest& request, const Source& source) {
  // A kept connection may be half closed, and a source can't be read twice.
  impl_->close();
  impl_->connect();
  auto head = request_head<http::empty_body>(impl_->server, request);
  head.set(http::field::content_type, request.content_type);
  head.chunked(true);
  http::request_serializer<http::empty_body> serializer(head);
  auto error = impl_->await([&](auto done) { http::async_write_header(impl_->connection, serializer, done); });
  if (!error) error = impl_->write_chunks(source);
  std::optional<AnswerParser> parser;
  if (const auto unread = impl_->read_head(request, parser)) impl_->lost(error ? error : unread);
  auto answer = impl_->finish(*parser);
  if (error) impl_->close();
  return answer;
}

}  // namespace eventbus
