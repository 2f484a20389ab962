// One place has one cursor, and a time one canonical text.
#include "eventbus/core/cursor.hpp"
#include "eventbus/core/timestamp.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace eventbus;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto listing = decode_listing(text);
  if (listing) {
    require(encode(*listing) == text, "a listing cursor has one text");
    require(parse_timestamp(format_timestamp(listing->timestamp)) == listing->timestamp,
            "a cursor's time can be shown");
    require(decode_place(text) == listing->end(), "a listing cursor gives its end");
  } else if (const auto place = decode_place(text)) {
    require(place->position >= 0 && encode(*place) == text, "a place has one text");
  }
  if (const auto time = parse_timestamp(text))
    require(parse_timestamp(format_timestamp(*time)) == time, "a time comes back from its text");
  return 0;
}
