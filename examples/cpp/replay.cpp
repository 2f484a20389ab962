// Reads stored events, in constant memory however many they are.
//
//   replay postgresql://user@localhost/events [type pattern] [start time] [end time]
//   replay ./data …                                           the embedded engine's directory, while no service uses it
#include <eventbus/eventbus.hpp>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

namespace {

std::unique_ptr<eventbus::EventStore> open(const std::string& place) {
  if (place.starts_with("postgres")) return std::make_unique<eventbus::PostgreSQLEventStore>(place);
  return std::make_unique<eventbus::SqliteEventStore>(place);
}

int fail(const eventbus::Error& error) {
  std::cerr << error.detail << '\n';
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "usage: replay <postgresql URL or directory> [type pattern] [start time] [end time]\n";
    return 2;
  }
  eventbus::ReplayFilter filter;
  if (count > 2) filter.event_type = arguments[2];
  if (count > 3) filter.start_time = eventbus::parse_timestamp(arguments[3]);
  if (count > 4) filter.end_time = eventbus::parse_timestamp(arguments[4]);
  if ((count > 3 && !filter.start_time) || (count > 4 && !filter.end_time)) {
    std::cerr << "times look like 2026-11-23T17:49:13Z\n";
    return 2;
  }

  const auto store = open(arguments[1]);
  if (const auto ready = store->initialize_schema(); !ready) return fail(ready.error());
  auto replay = store->replay(filter);
  std::size_t events = 0;
  while (true) {
    const auto page = replay.next();
    if (!page) return fail(page.error());
    if (page->empty()) break;
    for (const auto& stored : *page) {
      const auto& event = *stored.event;
      std::cout << eventbus::format_timestamp(event.timestamp) << ' ' << event.event_type << ' ' << event.event_id
                << ' ' << event.payload << '\n';
    }
    events += page->size();
  }
  std::cerr << events << " events\n";
}
