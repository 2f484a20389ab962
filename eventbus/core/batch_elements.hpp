#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/text_place.hpp"

namespace eventbus {

/// One element of a batch as it stands in the body.
struct BatchElement {
  std::string_view text;
  TextPlace place;  ///< Of its first character.
};

/// The elements of {"events":[…]}, or of a document that is an array, in the order of the parsed batch. For answers
/// that say where a refused event stands. Trusts the body: it must be one that `parse_event_batch` or
/// `parse_cloudevent_batch` took.
std::vector<BatchElement> batch_elements(std::string_view body);

/// What an answer says of an event that can't be taken, besides why.
struct FaultyEvent {
  std::string event_id;  ///< That it names; empty: none, or none that is valid.
  TextPlace place;       ///< Of what breaks its JSON, else of its begin.
};

/// Looks once more at the text of such an event, which begins at `place` of the body and names its id by `id_member`.
FaultyEvent examine_faulty(std::string_view json, std::string_view id_member, TextPlace place);

}  // namespace eventbus
