#include "eventbus/core/event.hpp"

#include "eventbus/core/json.hpp"

namespace eventbus {

bool repeats(const Event& stored, const EventDraft& again) {
  const Event& event = *again.event;
  const GivenFields& given = again.given;
  return stored.event_type == event.event_type && (!given.timestamp || stored.timestamp == event.timestamp) &&
         (!given.ordering_key || stored.ordering_key == event.ordering_key) &&
         (!given.correlation_id || stored.correlation_id == event.correlation_id) &&
         (!given.exchange || stored.exchange == event.exchange) &&
         (!given.routing_key || stored.routing_key == event.routing_key) &&
         (!given.payload || json_equal(stored.payload, event.payload)) &&
         (!given.cloudevent || json_equal(stored.cloudevent, event.cloudevent));
}

}  // namespace eventbus
