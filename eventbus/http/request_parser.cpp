#include "eventbus/http/request_parser.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>
#include <cstring>

namespace eventbus {
namespace {

bool blank(char c) {
  return c == ' ' || c == '\t';
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (text.empty() || error != std::errc{} || end != text.end()) return std::nullopt;
  return value;
}

}  // namespace

bool HeadScanner::fair(std::string_view line, bool first) {
  if (line.empty() || line.back() != '\r') return false;
  line.remove_suffix(1);
  if (std::memchr(line.data(), '\r', line.size()) != nullptr) return false;
  return first || line.empty() || !blank(line.front());
}

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  for (;;) {
    const auto end = bytes.find('\n', line_begin_);
    if (end == std::string_view::npos) return State::incomplete;
    const auto line = bytes.substr(line_begin_, end - line_begin_);
    if (!fair(line, line_begin_ == 0)) return State::malformed;
    line_begin_ = end + 1;
    if (line.size() == 1) return State::complete;
  }
}

Result<void> RequestParser::parse_head(std::string_view head) {
  error_code error;
  put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (!refusal_.empty()) return fail(ErrorCode::bad_request, std::string(refusal_));
  if (error || !is_header_done())
    return fail(ErrorCode::bad_request, "The request is not valid HTTP/1.1: " + error.message() + ".");
  return {};
}

void RequestParser::on_request_impl(http::verb method, string_view method_text, string_view target, int version,
                                    error_code& error) {
  request_.method = method;
  request_.method_text = method_text;
  request_.version = static_cast<unsigned>(version);
  if (!split_target(target)) error = http::error::bad_target;
}

bool RequestParser::split_target(std::string_view target) {
  const auto scheme = target.find("://");
  if (scheme != std::string_view::npos && target.find_first_of("/?#") == scheme + 1) {
    const auto path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    if (target.front() == '?') return refuse("The request target has no path.");
  }
  if (target != "*" && target.front() != '/') return refuse("The request target must be a path beginning with '/'.");
  if (target == "*" && request_.method != http::verb::options) return refuse("The target '*' is for OPTIONS only.");
  const auto question = target.find('?');
  request_.path = target.substr(0, question);
  request_.query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  return true;
}

void RequestParser::on_field_impl(http::field field, string_view name, string_view value, error_code& error) {
  if (is_header_done()) return;  // a trailer
  request_.headers.push_back({field, name, value});
  if (!note_framing(request_.headers.back())) error = http::error::bad_field;
}

bool RequestParser::note_framing(const Header& header) {
  switch (header.field) {
    case http::field::host:
      return ++hosts_ == 1 || refuse("There is more than one Host header.");
    case http::field::content_length:
      if (request_.content_length) return refuse("There is more than one Content-Length header.");
      request_.content_length = parse_length(header.value);
      return request_.content_length.has_value() || refuse("Content-Length must be a decimal number.");
    case http::field::transfer_encoding:
      if (request_.version < 11) return refuse("HTTP/1.0 has no Transfer-Encoding.");
      return boost::beast::iequals(header.value, "chunked") ||
             refuse("The only Transfer-Encoding understood is 'chunked'.");
    case http::field::expect:
      request_.expects_continue = boost::beast::iequals(header.value, "100-continue") && request_.version >= 11;
      return true;
    default:
      return true;
  }
}

void RequestParser::on_header_impl(error_code& error) {
  request_.chunked = chunked();
  request_.keep_alive = keep_alive();
  if (request_.version >= 11 && hosts_ == 0) {
    refuse("An HTTP/1.1 request needs a Host header.");
    error = http::error::bad_field;
  }
}

bool RequestParser::refuse(std::string_view why) {
  refusal_ = why;
  return false;
}

}  // namespace eventbus
