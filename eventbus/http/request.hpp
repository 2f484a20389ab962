#pragma once

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <cstdint>
#include <optional>
#include <ostream>  // which verb.hpp of Beast uses
#include <string_view>
#include <vector>

namespace eventbus {

namespace http = boost::beast::http;

struct Header {
  http::field field;  ///< `unknown` for names that Beast has no constant for.
  std::string_view name;
  std::string_view value;
};

/// The head of one request. All views point into the bytes it was parsed from.
struct Request {
  http::verb method = http::verb::unknown;
  std::string_view method_text;
  std::string_view path;   ///< Still percent-encoded; "*" for `OPTIONS *`.
  std::string_view query;  ///< Without '?'.
  unsigned version = 11;   ///< 10 or 11.
  std::vector<Header> headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;

  /// The first header of this name; empty when there is none. `name` is compared without case.
  std::string_view header(http::field field) const;
  std::string_view header(std::string_view name) const;
  bool has(http::field field) const;
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

}  // namespace eventbus
