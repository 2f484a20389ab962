#include "eventbus/client/text_stream.hpp"

namespace eventbus {

bool LineSplitter::feed(std::string_view part, const Sink& sink) {
  while (true) {
    const auto end = part.find('\n');
    if (end == std::string_view::npos) {
      rest_ += part;
      return true;
    }
    rest_ += part.substr(0, end);
    part.remove_prefix(end + 1);
    if (rest_.ends_with('\r')) rest_.pop_back();
    const bool more = sink(rest_);
    rest_.clear();
    if (!more) return false;
  }
}

bool EventStreamParser::feed(std::string_view part, const Sink& sink) {
  return lines_.feed(part, [&](std::string_view text) { return line(text, sink); });
}

bool EventStreamParser::line(std::string_view text, const Sink& sink) {
  if (text.empty()) {
    const bool more = !has_data_ || sink(event_);
    event_.type.clear();
    event_.data.clear();
    has_data_ = false;
    return more;
  }
  const auto colon = text.find(':');
  const auto field = text.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "id") event_.id = value;
  if (field == "event") event_.type = value;
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  }
  return true;
}

}  // namespace eventbus
