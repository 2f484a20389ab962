// Does with a running service everything that EventBusClient has for queues, with long polls under way all the time.
//
//   operate <URL>
#include <eventbus/eventbus.hpp>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

template <class T>
T expect(eventbus::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().detail);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void check(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what);
}

eventbus::QueueDefinition queue_named(const std::string& name, const std::string& key) {
  eventbus::QueueDefinition queue;
  queue.name = name;
  queue.bindings = {{.exchange = "events", .routing_key = key}};
  return queue;
}

std::vector<std::string> ids_of(const std::vector<eventbus::ClientDelivery>& deliveries) {
  std::vector<std::string> ids;
  for (const auto& delivery : deliveries) ids.push_back(delivery.delivery_id);
  return ids;
}

std::vector<eventbus::ClientDelivery> received(eventbus::EventBusClient& bus, std::size_t wanted) {
  std::vector<eventbus::ClientDelivery> all;
  for (int attempt = 0; attempt < 60 && all.size() < wanted; ++attempt) {
    for (auto& delivery : expect(bus.receive("operated", wanted - all.size(), std::chrono::seconds{2})))
      all.push_back(std::move(delivery));
  }
  check(all.size() == wanted, "deliveries did not come");
  return all;
}

void operate(eventbus::EventBusClient& bus) {
  check(expect(bus.check_health()) && expect(bus.ready()), "the service is not ready");
  check(expect(bus.declare_queue(queue_named("operated", "operated.#"))), "the queue was there");
  for (int number = 0; number < 3; ++number) expect(bus.publish({.event_type = "operated.made"}));
  const auto deliveries = received(bus, 3);
  check(deliveries.front().first_attempt_at > eventbus::Timestamp{}, "no first_attempt_at");
  check(expect(bus.extend("operated", ids_of(deliveries), std::chrono::minutes{5})).done == 3, "extend");
  check(expect(bus.ack("operated", {deliveries[0].delivery_id})).done == 1, "ack");
  check(expect(bus.nack("operated", {deliveries[1].delivery_id}, false, "broken")).done == 1, "nack");
  check(expect(bus.nack("operated", {deliveries[2].delivery_id}, true, "", std::chrono::milliseconds{0})).done == 1,
        "nack for a retry");
  check(expect(bus.ack("operated", {"nonsense"})).unknown.size() == 1, "unknown");
  const auto again = received(bus, 1);
  check(again.front().attempt == 2, "attempt 2");
  check(expect(bus.nack("operated", ids_of(again), false, "broken")).done == 1, "nack");

  auto page = expect(bus.list_dead_letters("operated", 1));
  check(page.dead_letters.size() == 1 && page.dead_letters[0].reason == "broken", "dead letters");
  page = expect(bus.list_dead_letters("operated", 1, page.next_cursor));
  check(page.dead_letters.size() == 1 && page.next_cursor.empty(), "the second page of dead letters");
  const auto id = page.dead_letters[0].event.event->event_id;
  check(expect(bus.redrive_dead_letters("operated", {.all = true, .dry_run = true})).matched == 2, "dry run");
  check(expect(bus.redrive_dead_letters("operated", {.event_ids = {id}})).redriven == 1, "redrive");
  check(received(bus, 1).front().event.event->event_id == id, "the redriven event");
  check(expect(bus.delete_dead_letters("operated", {.reason = "broken"})) == 1, "deletion");

  expect(bus.pause("operated"));
  expect(bus.publish({.event_type = "operated.made"}));
  check(expect(bus.get_queue("operated")).paused, "paused");
  expect(bus.purge("operated"));
  expect(bus.resume("operated"));
  check(expect(bus.get_queue("operated")).definition.bindings[0].routing_key == "operated.#", "the definition");
  check(expect(bus.list_queues()).size() >= 2, "the list");
  expect(bus.delete_queue("operated"));
  const auto gone = bus.get_queue("operated");
  check(!gone && gone.error().code == eventbus::ErrorCode::unknown_queue, "unknown_queue");
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 2) {
    std::cerr << "usage: operate <URL>\n";
    return 2;
  }
  eventbus::EventBusClient bus(arguments[1]);
  expect(bus.declare_queue(queue_named("quiet", "nothing.at.all")));
  std::vector<std::future<eventbus::Result<std::vector<eventbus::ClientDelivery>>>> polls;
  for (int number = 0; number < 40; ++number)
    polls.push_back(std::async(std::launch::async, [&] { return bus.receive("quiet", 1, std::chrono::seconds{25}); }));
  operate(bus);
  expect(bus.publish({.event_type = "nothing.at.all"}));
  std::size_t deliveries = 0;
  for (auto& poll : polls) deliveries += expect(poll.get()).size();
  std::cout << "operated beside " << polls.size() << " polls, " << deliveries << " delivery\n";
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
