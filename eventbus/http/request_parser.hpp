#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>

#include "eventbus/core/error.hpp"
#include "eventbus/http/request.hpp"

namespace eventbus {

/// Finds the end of a request head in bytes that arrive piece by piece, and refuses there and then what makes two
/// parsers disagree on where a request ends (RFC 9112 sections 2.2, 5.1, 5.2): a bare CR or LF, obs-fold, white space
/// before a colon or before the first header.
class HeadScanner {
 public:
  enum class State : unsigned char { incomplete, complete, malformed };
  /// Goes on where it stopped; `bytes` begins at the head's first byte at every call.
  State scan(std::string_view bytes);
  std::size_t length() const { return line_begin_; }  ///< Of the complete head, final CRLF included.
  void reset() { *this = {}; }

 private:
  static bool fair(std::string_view line, bool first);
  std::size_t line_begin_ = 0;
};

/// Parses a head into a `Request` with Beast's parser, beyond which it refuses every
/// shape that request smuggling needs: Transfer-Encoding beside Content-Length, other than exactly "chunked", repeated,
/// or in HTTP/1.0; a repeated or not plainly decimal Content-Length; no or several Host headers.
class RequestParser : public http::basic_parser<true> {
 public:
  explicit RequestParser(Request& request) : request_(request) {
    header_limit(std::numeric_limits<std::uint32_t>::max());
    body_limit(boost::none);
  }

  /// `head` is what HeadScanner found complete; the request's views point into it. Errors: `bad_request`.
  Result<void> parse_head(std::string_view head);

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  void on_request_impl(http::verb method, string_view method_text, string_view target, int version,
                       error_code& error) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(http::field field, string_view name, string_view value, error_code& error) override;
  void on_header_impl(error_code& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}

  bool split_target(std::string_view target);
  bool note_framing(const Header& header);
  bool refuse(std::string_view why);

  Request& request_;
  std::string_view refusal_;
  unsigned hosts_ = 0;
};

}  // namespace eventbus
