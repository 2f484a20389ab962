#include "eventbus/http/body_lines.hpp"

#include <algorithm>

namespace eventbus {
namespace {

constexpr std::string_view white_space = " \t\r";

}  // namespace

void BodyLines::feed(std::string_view piece) {
  rest_ = piece;
  ended_ = piece.empty();
}

std::optional<BodyLine> BodyLines::next() {
  while (!rest_.empty()) {
    const auto end = rest_.find('\n');
    const auto part = begin(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end, rest_.size() - 1) + 1);
    if (end == std::string_view::npos) {
      keep(part);
    } else if (auto line = finish(part)) {
      return line;
    }
  }
  if (begun_ && ended_) return finish({});
  return std::nullopt;
}

/// The part of a line without white space that the line begins with.
std::string_view BodyLines::begin(std::string_view part) {
  if (!begun_) {
    begun_ = true;
    ++number_;
    indent_ = 0;
    kept_.clear();
    too_long_ = false;
  }
  if (too_long_ || !kept_.empty()) return part;
  const auto blanks = std::min(part.find_first_not_of(white_space), part.size());
  indent_ += blanks;
  return part.substr(blanks);
}

void BodyLines::keep(std::string_view part) {
  too_long_ = too_long_ || kept_.size() + part.size() > longest_ + 1;  // one for a CR
  if (too_long_) {
    kept_.clear();
  } else {
    kept_ += part;
  }
}

std::optional<BodyLine> BodyLines::finish(std::string_view part) {
  begun_ = false;
  const bool whole = !too_long_ && kept_.empty();
  if (!whole) keep(part);
  auto text = whole ? part : std::string_view(kept_);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty() && !too_long_) return std::nullopt;
  const bool too_long = too_long_ || text.size() > longest_;
  return BodyLine{too_long ? std::string_view() : text, {number_, indent_ + 1}, too_long};
}

}  // namespace eventbus
