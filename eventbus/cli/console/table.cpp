#include "eventbus/cli/console/table.hpp"

#include <algorithm>

namespace eventbus::cli {
namespace {

constexpr std::string_view gap = "  ";
constexpr std::size_t least_width = 12;

bool starts_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_code_point));
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::size_t kept = 0;
  std::size_t end = 0;
  while (end < text.size() && (kept + 1 < width || !starts_code_point(text[end]))) {
    if (starts_code_point(text[end])) ++kept;
    ++end;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

void Table::add(std::vector<std::string> row) {
  for (auto& cell : row) cell = printable(cell);
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths(std::size_t limit) const {
  std::vector<std::size_t> widths;
  std::size_t total = 0;
  for (std::size_t at = 0; at < columns_.size(); ++at) {
    std::size_t width = display_width(columns_[at].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[at]));
    widths.push_back(width);
    total += width + (at == 0 ? 0 : gap.size());
  }
  const auto shrinking = std::ranges::find_if(columns_, &Column::shrinks);
  if (limit != 0 && total > limit && shrinking != columns_.end()) {
    auto& width = widths[static_cast<std::size_t>(shrinking - columns_.begin())];
    width = std::max(std::min(width, least_width), width - std::min(width, total - limit));
  }
  return widths;
}

std::string Table::line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const {
  std::string line;
  for (std::size_t at = 0; at < cells.size(); ++at) {
    const std::string cell = columns_[at].shrinks ? shorten(cells[at], widths[at]) : cells[at];
    const std::string padding(widths[at] - std::min(widths[at], display_width(cell)), ' ');
    if (at > 0) line += gap;
    line += columns_[at].align == Align::right ? padding + cell : cell + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string Table::text(const Console& console) const {
  const auto fitted = widths(console.width);
  std::vector<std::string> titles;
  titles.reserve(columns_.size());
  for (const auto& column : columns_) titles.push_back(column.title);
  std::string text = console.paint(Style::bold, line(titles, fitted)) + "\n";
  for (const auto& row : rows_) text += line(row, fitted) + "\n";
  return text;
}

}  // namespace eventbus::cli
