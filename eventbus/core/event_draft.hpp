#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/event_json.hpp"
#include "eventbus/core/field_faults.hpp"

namespace eventbus {

/// Puts an event together from the fields of a publish request, whatever format they came in: checks each against its
/// rule and collects what is wrong. `field` is the name by which the publisher knows it.
class EventDraftBuilder {
 public:
  void set_event_id(std::string_view field, std::string text);
  void set_timestamp(std::string_view field, std::string_view text);
  void set_event_type(std::string_view field, std::string text);
  void set_ordering_key(std::string_view field, std::string text);
  void set_correlation_id(std::string_view field, std::string text);
  void set_exchange(std::string_view field, std::string text);
  void set_routing_key(std::string_view field, std::string text);
  /// `canonical` must be canonical JSON of this kind: an object, or any value for CloudEvents.
  void set_payload(std::string_view field, JsonKind kind, std::string_view canonical,
                   PayloadRule rule = PayloadRule::object);
  /// Canonical JSON object. `largest`: the field that takes most of it.
  void set_cloudevent(std::string_view largest, std::string canonical);

  FieldFaults& faults() { return faults_; }

  /// Fills in what was not given and returns the event, or everything that is wrong with it.
  Result<EventDraft> finish(const PublishContext& context);

 private:
  void accept(std::string_view field, std::string_view fault, std::string& target, bool& given, std::string&& text);

  std::shared_ptr<Event> event_ = std::make_shared<Event>();
  GivenFields given_;
  FieldFaults faults_;
};

/// The decoded text of a string member; adds a fault for any other kind.
std::optional<std::string> string_of(const CanonicalJson::Member& member, FieldFaults& faults);

/// `too_large` when an event's text is above the limit.
Result<void> check_event_size(std::size_t bytes, const PublishContext& context);

}  // namespace eventbus
