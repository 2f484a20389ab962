#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "eventbus/core/timestamp.hpp"

namespace eventbus {

inline constexpr std::string_view default_exchange = "events";

/// An immutable fact, as stored. Valid by construction when it comes from `event_json.hpp`, `cloudevents.hpp` or a
/// store.
struct Event {
  std::string event_id = {};      ///< 1–255 characters, unique for ever.
  Timestamp timestamp{};          ///< When it happened, UTC.
  std::string event_type = {};    ///< Printable words joined by '.', 1–255 bytes of UTF-8.
  std::string payload = "{}";     ///< A JSON object, of a CloudEvent any JSON value, as canonical text (see json.hpp).
  std::string ordering_key = {};  ///< Empty: none.
  std::string correlation_id = {};  ///< Never empty once accepted; equal to event_id where nobody gave one.
  std::string exchange{default_exchange};
  std::string routing_key = {};  ///< Equal to event_type where nobody gave one.
  std::string traceparent = {};  ///< W3C trace context; empty: none.
  std::string cloudevent = {};  ///< Canonical JSON object of what only CloudEvents have: source, subject, media type of
                                ///< the data, extensions. Empty: none.

  bool operator==(const Event&) const = default;
};

using EventPtr = std::shared_ptr<const Event>;

/// Which optional fields the publisher gave. Fields left out are not compared when an event id repeats.
struct GivenFields {
  bool event_id = false;
  bool timestamp = false;
  bool payload = false;
  bool ordering_key = false;
  bool correlation_id = false;  ///< In the body; one from the X-Correlation-ID header does not count.
  bool exchange = false;
  bool routing_key = false;
  bool cloudevent = false;
};

/// A complete, valid event that is not stored yet.
struct EventDraft {
  EventPtr event;
  GivenFields given;
};

/// Number of an event in commit order: unique, increasing, starting at 1. 0 is "before everything".
using Position = std::int64_t;

/// Names one life of a log: the time in which it was never put back from a copy. 0: before lives were recorded.
using LifeId = std::uint64_t;

/// A position and the life of the log that gave it: what a cursor stands for.
struct LogPlace {
  Position position = 0;
  LifeId life = 0;
  bool operator==(const LogPlace&) const = default;
};

struct StoredEvent {
  Position position = 0;
  Timestamp stored_at{};
  EventPtr event = {};
  LifeId life = 0;  ///< That gave the position.
  LogPlace place() const { return {position, life}; }
};

/// Whether storing `again` under the id of `stored` repeats it: every given field equals (payloads as JSON values). The
/// media type of a CloudEvent's data is not compared: each says JSON.
bool repeats(const Event& stored, const EventDraft& again);

}  // namespace eventbus
