#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace eventbus {

/// Appends the inside of a JSON string (no quotes): '"', '\\' and control characters escaped, everything else as it is.
void append_json_escaped(std::string& out, std::string_view text);

/// Decodes the inside of a canonical JSON string (no quotes).
std::string unescape_canonical(std::string_view escaped);

/// Where the first byte that is no part of valid UTF-8 stands; npos when the text is valid (RFC 3629: no overlong
/// forms, no surrogates, nothing above U+10FFFF).
std::size_t find_invalid_utf8(std::string_view text);

/// The same text with U+FFFD in place of each byte that is no part of valid UTF-8.
std::string as_valid_utf8(std::string_view text);

/// Characters (code points) of valid UTF-8.
std::size_t count_characters(std::string_view text);

/// A number in a form that is equal exactly when the values are: 1, 1.0 and 10e-1 all give "1e0". Any length, no
/// rounding.
std::string normal_number(std::string_view json_number);

/// Whether PostgreSQL's numeric can hold it: at most 131072 digits before and 16383 after the decimal point.
bool number_in_range(std::string_view json_number);

}  // namespace eventbus
