#include "eventbus/store/postgres/payload_text.hpp"

#include <algorithm>
#include <cstddef>

namespace eventbus::postgres_store {
namespace {

/// The place behind the string that begins at `begin`.
std::size_t end_of_string(std::string_view json, std::size_t begin) {
  auto place = json.find_first_of("\"\\", begin + 1);
  while (place != std::string_view::npos && json[place] == '\\') place = json.find_first_of("\"\\", place + 2);
  return place == std::string_view::npos ? json.size() : place + 1;
}

bool begins_number(char c) {
  return c == '-' || (c >= '0' && c <= '9');
}

bool number_kept(std::string_view number) {
  if (number.find_first_of("eE") != std::string_view::npos) return false;
  return number.front() != '-' || number.find_first_of("123456789") != std::string_view::npos;
}

}  // namespace

bool kept_by_jsonb(std::string_view canonical) {
  for (std::size_t place = 0; place < canonical.size();) {
    if (canonical[place] == '"') {
      place = end_of_string(canonical, place);
    } else if (begins_number(canonical[place])) {
      const auto end = std::min(canonical.find_first_of(",]}", place), canonical.size());
      if (!number_kept(canonical.substr(place, end - place))) return false;
      place = end;
    } else {
      ++place;
    }
  }
  return true;
}

std::string compact_jsonb(std::string_view text) {
  std::string compact;
  compact.reserve(text.size());
  for (std::size_t place = 0; place < text.size();) {
    const auto end =
        text[place] == '"' ? end_of_string(text, place) : std::min(text.find_first_of("\" ", place), text.size());
    compact += text.substr(place, end - place);
    place = end;
    if (place < text.size() && text[place] == ' ') ++place;
  }
  return compact;
}

}  // namespace eventbus::postgres_store
