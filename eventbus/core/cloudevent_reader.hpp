#pragma once

#include <map>
#include <string>
#include <string_view>

#include "eventbus/core/event_draft.hpp"
#include "eventbus/core/json.hpp"

namespace eventbus {

/// Puts an event together from CloudEvents attributes, whichever mode they came in. `prefix` is what the publisher
/// wrote before each name ("ce-" in binary mode), for the names in errors.
class CloudEventReader {
 public:
  explicit CloudEventReader(std::string_view prefix) : prefix_(prefix) {}

  /// `canonical` is JSON of this kind. A null counts as left out (CloudEvents JSON format, section 2.2).
  void attribute(std::string_view name, JsonKind kind, std::string_view canonical);
  /// Notes that the attribute was given, though it can not be read.
  void seen(std::string_view name);
  void data(JsonKind kind, std::string_view canonical) {
    builder_.set_payload("data", kind, canonical, PayloadRule::any_value);
  }
  FieldFaults& faults() { return builder_.faults(); }
  std::string label(std::string_view name) const { return prefix_ + std::string(name); }

  Result<EventDraft> finish(const PublishContext& context);

 private:
  void text_attribute(std::string_view name, std::string text);
  void extension(std::string_view name, JsonKind kind, std::string_view canonical);
  void keep_text(std::string_view name, const std::string& text);
  void require(std::string_view name, bool seen);

  std::string prefix_;
  EventDraftBuilder builder_;
  std::map<std::string, std::string, std::less<>> kept_;  ///< Attributes for Event::cloudevent, as canonical JSON.
  bool version_ = false;
  bool id_ = false;
  bool type_ = false;
  bool source_ = false;
};

}  // namespace eventbus
