#include "eventbus/http/answer.hpp"

#include <array>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>
#include <ostream>  // Boost 1.81's string_view.hpp uses it without including it

namespace eventbus {
namespace {

/// The Date header line of this second (RFC 9110 section 5.6.7); the event loop's thread only.
std::string_view date_line() {
  static thread_local std::time_t second = 0;
  static thread_local std::array<char, 48> line{};
  static thread_local std::size_t length = 0;
  if (const auto now = std::time(nullptr); now != second) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = std::strftime(line.data(), line.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    second = now;
  }
  return {line.data(), length};
}

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_framing(std::string& out, const AnswerHead& head) {
  if (head.content_length) {
    out += "Content-Length: ";
    append_number(out, *head.content_length);
    out += "\r\n";
  } else if (head.version >= 11 && head.status != 204) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (!head.keep_alive) {
    out += "Connection: close\r\n";
  } else if (head.version < 11) {
    out += "Connection: keep-alive\r\n";
  }
}

}  // namespace

void Answer::reset() {
  status = 200;
  content_type = json_type;
  body.clear();
  headers.clear();
  correlation_id.clear();
  undelivered = nullptr;
  streamed = false;
  close = false;
}

void Answer::add_header(std::string_view name, std::string_view value) {
  headers.append(name).append(": ").append(value).append("\r\n");
}

void append_head(std::string& out, const AnswerHead& head) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(head.status));
  out += ' ';
  out += boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(head.status));
  out += "\r\n";
  if (!head.content_type.empty()) out.append("Content-Type: ").append(head.content_type).append("\r\n");
  append_framing(out, head);
  out.append("X-Correlation-ID: ").append(head.correlation_id).append("\r\n");
  out += date_line();
  out += head.headers;
  out += "\r\n";
}

}  // namespace eventbus
