// Decoded parameters are UTF-8, and come back when each byte is percent-encoded.
#include "eventbus/core/json_text.hpp"
#include "eventbus/http/query.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace eventbus;
using fuzz::require;

namespace {

void append_encoded(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += "0123456789abcdef"[byte >> 4U];
    out += "0123456789ABCDEF"[byte & 0xFU];
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw = fuzz::text_of(data, size);
  require(valid_utf8(raw) == (find_invalid_utf8(raw) == std::string_view::npos), "both UTF-8 checks agree");
  const auto parameters = parse_query(raw);
  if (!parameters) {
    require(!parameters.error().fields.empty(), "a refusal names the parameter");
    return 0;
  }
  std::string encoded;
  for (const auto& [name, value] : *parameters) {
    require(valid_utf8(name) && valid_utf8(value), "what is decoded is UTF-8");
    append_encoded(encoded, name);
    encoded += '=';
    append_encoded(encoded, value);
    encoded += '&';
  }
  const auto again = parse_query(encoded);
  require(again.has_value() && again->size() == parameters->size(), "encoded parameters parse");
  for (std::size_t i = 0; i < again->size(); ++i) {
    require((*again)[i].name == (*parameters)[i].name && (*again)[i].value == (*parameters)[i].value,
            "encoded parameters come back");
  }
  return 0;
}
