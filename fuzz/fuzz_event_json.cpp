// What `parse_event` accepts, `append_event` shows so that it parses to the same event again.
#include "eventbus/core/event_json.hpp"
#include "eventbus/core/json_text.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace eventbus;
using fuzz::require;

namespace {

void check_refusal(const Error& error) {
  const int status = describe(error.code).status;
  require(status == 400 || status == 413 || status == 422, "bad input is answered with 400, 413 or 422");
  require(!error.detail.empty(), "a refusal says why");
  require(find_invalid_utf8(error.detail) == std::string_view::npos, "a refusal is UTF-8");
  for (const FieldError& fault : error.fields)
    require(find_invalid_utf8(fault.field) == std::string_view::npos, "a field is UTF-8");
}

void check_event(const EventDraft& draft) {
  std::string shown;
  append_event(shown, *draft.event);
  const auto again = parse_event(shown, {});
  require(again.has_value(), "a shown event parses");
  require(*again->event == *draft.event, "a shown event parses to the same event");
  require(repeats(*draft.event, *again) && repeats(*again->event, draft), "an event repeats itself");
  std::string shown_again;
  append_event(shown_again, *again->event);
  require(shown == shown_again, "an event has one text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto draft = parse_event(text, {});
  draft ? check_event(*draft) : check_refusal(draft.error());

  const auto batch = parse_event_batch(text, {});
  if (!batch) check_refusal(batch.error());
  for (std::size_t i = 0; batch && i < batch->size(); ++i) {
    (*batch)[i] ? check_event(*(*batch)[i]) : check_refusal((*batch)[i].error());
  }
  return 0;
}
