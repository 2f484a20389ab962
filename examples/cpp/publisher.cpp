// Publishes events to RabbitMQ and waits until the server has confirmed them.
//
//   publisher amqp://guest:guest@localhost/ user.created '{"user_id": 1}'
//   publisher amqp://guest:guest@localhost/ user.created < payloads.ndjson     one payload a line
#include <eventbus/eventbus.hpp>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr std::size_t events_a_batch = 500;

int report(const std::vector<eventbus::Event>& events, const std::vector<eventbus::Result<bool>>& results) {
  int failed = 0;
  for (std::size_t at = 0; at < results.size(); ++at) {
    if (!results[at]) {
      ++failed;
      std::cerr << "failed " << events[at].event_id << ": " << results[at].error().detail << '\n';
    } else {
      std::cout << (*results[at] ? "confirmed " : "nobody listens to ") << events[at].event_id << '\n';
    }
  }
  return failed;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: publisher <amqp URL> <event type> [payload]\n";
    return 2;
  }
  eventbus::RabbitMQConnectionManager connections(arguments[1]);
  if (const auto connected = connections.connect(); !connected) {
    std::cerr << connected.error().detail << '\n';
    return 1;
  }
  eventbus::EventPublisher publisher(connections);

  int failed = 0;
  std::vector<eventbus::Event> batch;
  const auto flush = [&] {
    failed += report(batch, publisher.publish_batch(batch));
    batch.clear();
  };
  const auto add = [&](const std::string& payload) {
    // An event that was made keeps its id, so that publishing it again does no harm.
    auto event = eventbus::make_event({.event_type = arguments[2], .payload = payload});
    if (!event) {
      ++failed;
      std::cerr << event.error().detail << '\n';
      return;
    }
    batch.push_back(std::move(*event));
    if (batch.size() == events_a_batch) flush();
  };
  if (count > 3) {
    add(arguments[3]);
  } else {
    for (std::string line; std::getline(std::cin, line);) add(line);
  }
  flush();
  return failed == 0 ? 0 : 1;
}
