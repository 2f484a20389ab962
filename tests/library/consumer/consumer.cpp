// Handles three deliveries, of which two are the same event.
#include <eventbus/eventbus.hpp>
#include <iostream>

int main() {
  eventbus::Deduplicator handled(":memory:", "consumer");
  const eventbus::Event created{.event_id = eventbus::make_uuid_v7(), .event_type = "user.created"};
  const eventbus::Event deleted{.event_id = eventbus::make_uuid_v7(), .event_type = "user.deleted"};
  for (const auto* event : {&created, &created, &deleted}) {
    if (handled.remember(event->event_id).value()) std::cout << "handled " << event->event_type << '\n';
  }
}
