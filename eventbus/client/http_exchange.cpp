#include "eventbus/client/http_exchange.hpp"

#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <cctype>
#include <cerrno>
#include <limits>
#include <string_view>

namespace eventbus {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::string_view outcome_unknown = "; the request may or may not have been carried out";

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

}  // namespace

http::request<http::string_body> whole_request(const ServerUrl& server, const HttpRequest& request) {
  auto made = request_head<http::string_body>(server, request);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    made.set(http::field::content_type, request.content_type);
    made.body() = request.body;
    made.prepare_payload();
  }
  return made;
}

void begin_answer(std::optional<AnswerParser>& parser, const HttpRequest& request,
                  std::optional<std::uint64_t> most_bytes) {
  parser.emplace();
  if (most_bytes) {
    parser->body_limit(*most_bytes);
  } else {
    parser->body_limit(boost::none);
  }
  parser->header_limit(std::numeric_limits<std::uint16_t>::max());
  parser->skip(request.method == "HEAD");
}

HttpAnswer answer_of(AnswerParser& parser) {
  auto& message = parser.get();
  return {.status = static_cast<int>(message.result_int()),
          .content_type = std::string(message[http::field::content_type]),
          .retry_after = std::string(message[http::field::retry_after]),
          .body = std::move(message.body())};
}

bool still_open(asio::ip::tcp::socket& socket) {
  char byte = 0;
  return ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool may_repeat(const HttpRequest& request, const std::optional<AnswerParser>& parser, const error_code& broken) {
  const bool unanswered = !parser || !parser->got_some();
  const bool harmless =
      request.repeatable || request.method == "GET" || request.method == "HEAD" || request.method == "PUT";
  return unanswered && harmless && broken != beast::error::timeout;
}

Unreachable cannot_reach(const ServerUrl& server, const error_code& error, std::chrono::milliseconds timeout) {
  const std::string reason =
      error == beast::error::timeout ? "no answer within " + seconds_text(timeout) : reason_of(error);
  return Unreachable("can't reach " + server.text() + ": " + reason +
                     "; is the server running? start it with: eventbus serve");
}

Unreachable connection_lost(const ServerUrl& server, const error_code& error, std::chrono::milliseconds timeout) {
  if (error == beast::error::timeout) {
    return Unreachable("no answer from " + server.text() + " within " + seconds_text(timeout) +
                       std::string(outcome_unknown));
  }
  return Unreachable("lost the connection to " + server.text() + ": " + reason_of(error) +
                     std::string(outcome_unknown));
}

}  // namespace eventbus
