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
#include <cctype>
#include <limits>
#include <optional>

namespace eventbus {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

using Parser = http::response_parser<http::string_body>;

std::string reason_of(const error_code& error) {
  if (error == http::error::end_of_stream || error == http::error::partial_message || error == asio::error::eof) {
    return "the server closed the connection";
  }
  std::string text = error.message();
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

std::string seconds_text(std::chrono::milliseconds time) {
  const auto text = std::to_string(static_cast<double>(time.count()) / 1000.0);
  return text.substr(0, text.find('.') + 2) + " s";
}

HttpAnswer answer_of(Parser& parser) {
  auto& message = parser.get();
  return {.status = static_cast<int>(message.result_int()),
          .content_type = std::string(message[http::field::content_type]),
          .retry_after = std::string(message[http::field::retry_after]),
          .body = std::move(message.body())};
}

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

  [[noreturn]] void cannot_reach(const error_code& error) {
    close();
    const std::string reason =
        error == beast::error::timeout ? "no answer within " + seconds_text(timeout) : reason_of(error);
    throw Unreachable("can't reach " + server.text() + ": " + reason +
                      "; is the server running? start it with: eventbus serve");
  }

  [[noreturn]] void lost(const error_code& error) {
    close();
    if (error == beast::error::timeout) {
      throw Unreachable("no answer from " + server.text() + " within " + seconds_text(timeout) +
                        "; the request may or may not have been carried out");
    }
    throw Unreachable("lost the connection to " + server.text() + ": " + reason_of(error) +
                      "; the request may or may not have been carried out");
  }

  void connect() {
    asio::ip::tcp::resolver resolver(loop);
    error_code error;
    const auto addresses = resolver.resolve(server.host, server.port, error);
    if (error) cannot_reach(error);
    error = await([&](auto done) { connection.async_connect(addresses, done); });
    if (error) cannot_reach(error);
    connection.socket().set_option(asio::ip::tcp::no_delay(true), error);
    connected = true;
  }

  template <class Body>
  http::request<Body> message(const HttpRequest& request) const {
    http::request<Body> made;
    made.method_string(request.method);
    made.target(server.base_path + request.target);
    made.version(11);
    made.set(http::field::host, server.authority());
    made.set(http::field::user_agent, "eventbus-cli");
    for (const auto& [name, value] : request.headers) made.set(name, value);
    return made;
  }

  error_code write(const HttpRequest& request) {
    auto made = message<http::string_body>(request);
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
      made.set(http::field::content_type, request.content_type);
      made.body() = request.body;
      made.prepare_payload();
    }
    return await([&](auto done) { http::async_write(connection, made, done); });
  }

  /// Sends on the kept connection; when the server had closed it meanwhile, once more on a new one. Reads the head.
  void begin(const HttpRequest& request, std::optional<Parser>& parser) {
    const bool kept = connected;
    if (!kept) connect();
    error_code error = write(request);
    if (!error) error = read_head(request, parser);
    if (!error) return;
    if (!kept || error == beast::error::timeout || (parser && parser->got_some())) lost(error);
    close();
    begin(request, parser);
  }

  error_code read_head(const HttpRequest& request, std::optional<Parser>& parser) {
    error_code error;
    do {
      parser.emplace();
      parser->body_limit(boost::none);
      parser->header_limit(std::numeric_limits<std::uint16_t>::max());
      parser->skip(request.method == "HEAD");
      error = await([&](auto done) { http::async_read_header(connection, buffer, *parser, done); });
    } while (!error && parser->get().result_int() / 100 == 1);
    return error;
  }

  HttpAnswer finish(Parser& parser) {
    if (!parser.is_done()) {
      if (const auto error = await([&](auto done) { http::async_read(connection, buffer, parser, done); })) lost(error);
    }
    if (!parser.keep_alive()) close();
    return answer_of(parser);
  }

  /// Gives the body to `sink` part by part, so that it is never held whole.
  HttpAnswer pour(Parser& parser, const Sink& sink) {
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
  std::optional<Parser> parser;
  impl_->begin(request, parser);
  return impl_->finish(*parser);
}

HttpAnswer HttpClient::stream(const HttpRequest& request, const Sink& sink) {
  std::optional<Parser> parser;
  impl_->begin(request, parser);
  if (parser->get().result_int() / 100 != 2) return impl_->finish(*parser);
  return impl_->pour(*parser, sink);
}

HttpAnswer HttpClient::upload(const HttpRequest& request, const Source& source) {
  // A kept connection may be half closed, and a source can't be read twice.
  impl_->close();
  impl_->connect();
  auto head = impl_->message<http::empty_body>(request);
  head.set(http::field::content_type, request.content_type);
  head.chunked(true);
  http::request_serializer<http::empty_body> serializer(head);
  auto error = impl_->await([&](auto done) { http::async_write_header(impl_->connection, serializer, done); });
  if (!error) error = impl_->write_chunks(source);
  std::optional<Parser> parser;
  if (const auto unread = impl_->read_head(request, parser)) impl_->lost(error ? error : unread);
  auto answer = impl_->finish(*parser);
  if (error) impl_->close();
  return answer;
}

}  // namespace eventbus
