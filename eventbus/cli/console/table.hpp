#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/cli/console/console.hpp"

namespace eventbus::cli {

enum class Align : std::uint8_t { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
  bool shrinks = false;  ///< Cut with "…" where the terminal is too narrow; at most one column.
};

/// Rows in aligned columns for people. Widths count code points.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One text a column; control characters are made visible.
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.empty(); }
  std::string text(const Console& console) const;

 private:
  std::vector<std::size_t> widths(std::size_t limit) const;
  std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Code points of a UTF-8 text.
std::size_t display_width(std::string_view text);
/// At most `width` code points, the last of them "…" where something was cut off.
std::string shorten(std::string_view text, std::size_t width);
/// 21417 → "21,417".
std::string grouped(std::uint64_t number);

}  // namespace eventbus::cli
