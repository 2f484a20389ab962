#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace eventbus::cli {

enum class Style : std::uint8_t { plain, bold, dim, red, green, yellow, cyan };

/// Where a command reads and writes, and what it may assume of the reader. Colours only where a terminal shows them and
/// NO_COLOR (no-color.org) is not set.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool colour = false;      ///< On `out`.
  bool err_colour = false;  ///< On `err`.
  std::size_t width = 0;    ///< Columns of `out`; 0: no limit.

  /// The process's own streams, `out` for standard output.
  static Console standard(std::ostream& out);

  std::string paint(Style style, std::string_view text) const;
  /// Asks on `err`; true for "y" or "yes". Only for terminals.
  bool confirm(std::string_view question) const;
};

/// `text` with control characters made visible, so that foreign text can't move the cursor or change colours.
std::string printable(std::string_view text);

}  // namespace eventbus::cli
