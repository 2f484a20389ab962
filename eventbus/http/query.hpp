#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/error.hpp"

namespace eventbus {

/// One name=value of a query string, decoded.
struct QueryParameter {
  std::string name;
  std::string value;
};

/// Splits a raw query string ("a=1&b=%7B%7D") as HTML forms encode it: '+' is a space, empty pairs are skipped, a name
/// without '=' has an empty value. `invalid` naming each parameter with a broken percent-encoding, bad UTF-8, a NUL, or
/// a name that occurs twice.
Result<std::vector<QueryParameter>> parse_query(std::string_view raw);

/// Decodes %XX strictly: `invalid` naming `field` for a '%' without two hex digits, bad UTF-8 or a NUL.
Result<std::string> decode_percent(std::string_view text, std::string_view field);

/// Appends `path` encoded as segments of a URI path (RFC 3986): unreserved characters and '/' stay.
void append_path_encoded(std::string& out, std::string_view path);

/// Well-formed UTF-8 (Unicode table 3-7): no surrogates, no overlong forms, nothing above U+10FFFF.
bool valid_utf8(std::string_view text);

}  // namespace eventbus
