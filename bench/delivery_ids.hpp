#pragma once

#include <string>
#include <string_view>

namespace bench {

/// Calls `use` with each string value of `"key":"…"` in compact JSON. Values have no escapes.
template <class Use>
void for_each_value(std::string_view json, std::string_view key_with_quotes_and_colon, Use use) {
  for (auto at = json.find(key_with_quotes_and_colon); at != std::string_view::npos;
       at = json.find(key_with_quotes_and_colon, at)) {
    at += key_with_quotes_and_colon.size();
    auto begin = json[at] == '"' ? at + 1 : at;
    auto end = json.find_first_of("\",}", begin);
    use(json.substr(begin, end - begin));
    at = end;
  }
}

/// Appends the delivery ids of a receive's answer as `"a","b",…`; returns how many.
inline std::size_t append_delivery_ids(std::string& out, std::string_view answer) {
  std::size_t count = 0;
  for_each_value(answer, "\"delivery_id\":", [&](std::string_view id) {
    if (!out.empty()) out += ',';
    out.append("\"").append(id).append("\"");
    ++count;
  });
  return count;
}

}  // namespace bench
