#include "eventbus/http/event_answers.hpp"

namespace eventbus {

std::string_view publish_status(const PublishOutcome& outcome) {
  switch (outcome.status) {
    case AppendStatus::stored:
      return outcome.published ? "published" : "stored";
    case AppendStatus::duplicate:
      return "duplicate";
    case AppendStatus::conflict:
    case AppendStatus::aborted:
      break;
  }
  return {};
}

Error refusal_of(const PublishOutcome& outcome) {
  if (outcome.status == AppendStatus::aborted) {
    return {ErrorCode::conflict, "Not stored: another event of this atomic batch conflicts."};
  }
  const auto& id = outcome.event.event->event_id;
  return {ErrorCode::conflict,
          "The event_id is taken by an event with different content; GET /events/{event_id} shows it.",
          {{"event_id", "'" + id + "' is taken by different content"}}};
}

}  // namespace eventbus
