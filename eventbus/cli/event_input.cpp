#include "eventbus/cli/event_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "eventbus/cli/console/exit_code.hpp"

namespace eventbus::cli {
namespace {

constexpr std::string_view white_space = " \t\r\n";
constexpr std::size_t longest_head = std::size_t{1} << 20U;
constexpr std::size_t most_places = 100'000;
/// A text that never ends; the server takes no event as large as this.
constexpr std::size_t longest_text = std::size_t{128} << 20U;

bool is_white(char c) {
  return white_space.find(c) != std::string_view::npos;
}

}  // namespace

std::string EventInput::read_raw() {
  try {
    return file_.read();
  } catch (const CommandFailed& error) {
    fault_ = error.what();
    return {};
  }
}

std::string EventInput::read() {
  std::string out;
  while (out.empty() && !ended_) {
    auto part = read_raw();
    ended_ = part.empty();
    if (shape_ == Shape::unknown) {
      head_ += part;
      if (!know_shape(ended_)) continue;
      part = std::exchange(head_, {});
    }
    if (shape_ == Shape::lines) {
      out = take_lines(std::move(part));
      if (ended_ && std::exchange(line_has_text_, false)) count(line_);
    } else {
      out = take_texts(part);
      if (ended_) end_texts(out);
    }
  }
  return out;
}

/// An array, a text that goes on after its first line, or events one a line.
bool EventInput::know_shape(bool at_end) {
  const auto begin = head_.find_first_not_of(white_space);
  if (begin == std::string::npos) {
    if (at_end || head_.size() > longest_head) shape_ = Shape::lines;
  } else if (head_[begin] == '[') {
    shape_ = Shape::array;
  } else {
    const auto end = head_.find('\n', begin);
    if (end == std::string::npos && !at_end && head_.size() < longest_head) return false;
    const auto first = std::string_view(head_).substr(begin, end == std::string::npos ? end : end - begin);
    const auto last = first[first.find_last_not_of(white_space)];
    const bool goes_on = head_[begin] == '{' && (last == '{' || last == '[' || last == ',');
    shape_ = goes_on && end != std::string::npos ? Shape::texts : Shape::lines;
  }
  return shape_ != Shape::unknown;
}

std::string EventInput::take_lines(std::string part) {
  for (const char c : part) {
    if (c == '\n') {
      if (std::exchange(line_has_text_, false)) count(line_);
      ++line_;
    } else {
      line_has_text_ = line_has_text_ || !is_white(c);
    }
  }
  return part;
}

std::string EventInput::take_texts(std::string_view part) {
  std::string out;
  for (const char c : part) {
    if (!fault_.empty()) break;
    take(c, out);
    if (c == '\n') ++line_;
  }
  return out;
}

void EventInput::take(char c, std::string& out) {
  if (text_.empty() || (depth_ == 0 && !in_string_ && shape_ == Shape::array)) return take_between(c, out);
  // A line break would end the line; a tab is as wrong within a string.
  text_ += c == '\n' || c == '\r' ? (in_string_ ? '\t' : ' ') : c;
  if (text_.size() > longest_text) return damaged("one event goes on for more than 128 MiB");
  if (in_string_) {
    const bool quote = c == '"' && !escaped_;
    escaped_ = c == '\\' && !escaped_;
    in_string_ = !quote;
    return;
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if ((c != '}' && c != ']') || depth_ == 0) return;
  --depth_;
  if (depth_ == 0 && shape_ == Shape::texts) give(out);
}

void EventInput::take_between(char c, std::string& out) {
  if (shape_ == Shape::array && text_.empty()) {
    if (is_white(c)) return;
    if (place_ == Place::first && c == '[') {
      place_ = Place::between;
      return;
    }
    if (place_ == Place::after) return damaged("after the array's ] something follows");
    if (c == ']' && place_ == Place::between) {
      place_ = Place::after;
      return;
    }
    if (c == ',' || c == ']') return damaged("an event is missing beside a comma");
  } else if (shape_ == Shape::array && (c == ',' || c == ']')) {
    place_ = c == ',' ? Place::next : Place::after;
    return give(out);
  } else if (is_white(c)) {
    if (!text_.empty()) text_ += ' ';
    return;
  }
  if (text_.empty()) text_line_ = line_;
  text_ += c;
  in_string_ = c == '"';
  escaped_ = false;
  if (c == '{' || c == '[') ++depth_;
}

void EventInput::give(std::string& out) {
  for (; out_line_ < text_line_; ++out_line_) out += '\n';
  out += text_;
  out += '\n';
  ++out_line_;
  text_.clear();
  depth_ = 0;
  count(text_line_);
}

void EventInput::end_texts(std::string& out) {
  if (!fault_.empty()) return;
  if (!text_.empty()) give(out);
  if (shape_ == Shape::array && place_ != Place::after) damaged("the array has no ] at its end");
}

void EventInput::damaged(std::string_view why) {
  fault_ = fmt::format("{} line {}: {}", path_, line_, why);
  text_.clear();
  ended_ = true;
}

void EventInput::count(std::uint64_t line) {
  const auto ahead = static_cast<std::int64_t>(line) - static_cast<std::int64_t>(events_);
  const bool known = placed_ == events_;
  if (known && !places_.empty() && places_.back().second == ahead) {
    ++placed_;
  } else if (known && places_.size() < most_places) {
    places_.emplace_back(events_, ahead);
    ++placed_;
  }
  ++events_;
}

std::string EventInput::place_of(std::uint64_t index) const {
  if (index >= placed_) return fmt::format("event {}", index + 1);
  const auto after = std::ranges::upper_bound(places_, index, {}, &std::pair<std::uint64_t, std::int64_t>::first);
  const auto line = static_cast<std::int64_t>(index) + std::prev(after)->second;
  if (shape_ == Shape::lines) return fmt::format("line {}", line);
  return fmt::format("event {} (line {})", index + 1, line);
}

}  // namespace eventbus::cli
