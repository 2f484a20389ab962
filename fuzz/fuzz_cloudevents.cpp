// All three HTTP modes. The first line chooses: "structured", "batch", or else binary: header lines "name: value" up to
// an empty line, then the body.
#include "eventbus/core/cloudevents.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace eventbus;
using fuzz::require;

namespace {

Event parse_shown(const Event& event) {
  std::string shown;
  append_cloudevent(shown, event, "unused");
  const auto parsed = parse_cloudevent(shown, {});
  require(parsed.has_value(), "a shown CloudEvent parses");
  return *parsed->event;
}

void check(const Result<EventDraft>& draft) {
  if (!draft) {
    const int status = describe(draft.error().code).status;
    return require(status == 400 || status == 413 || status == 422, "bad input is answered with 400, 413 or 422");
  }
  const auto again = parse_shown(*draft->event);
  auto same = *draft->event;
  same.cloudevent = again.cloudevent;  // showing names the media type of the data where the publisher did not
  require(again == same, "a shown CloudEvent parses to the same event");
  require(parse_shown(again) == again, "a CloudEvent that names everything parses to the same event");

  std::string plain;
  append_event(plain, *draft->event);
}

void check_binary(std::string_view rest) {
  std::vector<std::pair<std::string, std::string>> attributes;
  while (!rest.empty()) {
    const std::string_view line = fuzz::next_line(rest);
    if (line.empty()) break;
    const std::size_t colon = std::min(line.find(": "), line.size());
    attributes.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 2, line.size())));
  }
  const std::string_view content_type = fuzz::next_line(rest);
  check(parse_binary_cloudevent(attributes, content_type, rest, {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const std::string_view all = rest;
  const std::string_view mode = fuzz::next_line(rest);
  if (mode == "structured") {
    check(parse_cloudevent(rest, {}));
  } else if (mode == "batch") {
    const auto batch = parse_cloudevent_batch(rest, {});
    for (std::size_t i = 0; batch && i < batch->size(); ++i) check((*batch)[i]);
  } else {
    check_binary(all);
  }
  return 0;
}
