#include "eventbus/cli/event_view.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace eventbus::cli {

std::string pretty_json(std::string_view text) {
  std::string out;
  std::string indent = "\n";
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool empty = at + 1 < text.size() && (text[at + 1] == '}' || text[at + 1] == ']');
    if (!in_string && (c == '}' || c == ']') && !out.ends_with('{') && !out.ends_with('[')) {
      indent.resize(indent.size() - 2);
      out += indent;
    }
    out += c;
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string && c == '\\') {
      out += text[++at];
    } else if (!in_string && (c == '{' || c == '[') && !empty) {
      out += indent += "  ";
    } else if (!in_string && c == ',') {
      out += indent;
    } else if (!in_string && c == ':') {
      out += ' ';
    }
  }
  return out;
}

std::vector<Column> event_columns() {
  return {{"TIMESTAMP"}, {"TYPE"}, {"KEY"}, {"EVENT ID"}, {"PAYLOAD", Align::left, true}};
}

std::vector<std::string> event_cells(const JsonObject& event) {
  return {event.text("timestamp"), event.text("event_type"), event.text("ordering_key"), event.text("event_id"),
          event.json("payload")};
}

std::string event_line(const Console& console, const JsonObject& event, const std::string& note) {
  const auto head =
      fmt::format("{}  {}  {}", event.text("timestamp"), event.text("event_type"), printable(event.text("event_id")));
  const auto tail = note.empty() ? printable(event.json("payload")) : note + "  " + printable(event.json("payload"));
  const auto used = display_width(head) + 2;
  const bool cut = console.width > used + 10;
  return fmt::format("{}  {}  {}  {}", console.paint(Style::dim, event.text("timestamp")),
                     console.paint(Style::cyan, event.text("event_type")), printable(event.text("event_id")),
                     cut ? shorten(tail, console.width - used) : tail);
}

std::string event_sheet(const Console& console, const JsonObject& event) {
  std::size_t width = 0;
  for (const auto& member : event.members()) width = std::max(width, member.key.size());
  std::string sheet;
  for (const auto& [key, kind, value] : event.members()) {
    const bool nested = kind == JsonKind::object || kind == JsonKind::array;
    const auto name = console.paint(Style::bold, key) + std::string(width - key.size(), ' ');
    sheet += fmt::format("{}  {}\n", name, nested ? pretty_json(value) : printable(value));
  }
  return sheet;
}

}  // namespace eventbus::cli
