#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/testing/waiting.hpp"

/// What every broker must do. An adapter includes this header and those that follow it in one test source, and
/// broker_random.hpp in the same or another one, and instantiates the suites:
///
///   INSTANTIATE_TEST_SUITE_P(Embedded, BrokerConformance, testing::Values(BrokerCase{"embedded", make}), broker_case);
///   INSTANTIATE_TEST_SUITE_P(Embedded, BrokerRandom, testing::ValuesIn(with_seeds({{"embedded", make}})),
///   broker_case);
namespace eventbus {

/// How time goes where a broker is tested.
struct Timing {
  /// It passes by itself, not only in `pass`: what has a time must be over before anything else is done.
  bool real = false;
  /// How long counts may be old and events on their way; 0: never.
  std::chrono::milliseconds patience{0};
};

/// A broker on its event store, started, and what a test needs besides.
class BrokerUnderTest {
 public:
  virtual ~BrokerUnderTest() = default;
  virtual Broker& broker() = 0;
  /// All instances, `broker` first. Whichever is asked, what it says and does is to be the same.
  virtual std::vector<Broker*> brokers() { return {&broker()}; }
  virtual EventStore& store() = 0;
  virtual Timing timing() const { return {}; }
  /// Brings events that the broker took to its queues, where a relay has to do it.
  virtual asio::awaitable<void> relay(std::vector<StoredEvent>) { co_return; }
  /// Lets time pass for leases, delays and times to live, and returns when what fell due is done. Adapters with a real
  /// clock wait.
  virtual asio::awaitable<void> pass(std::chrono::milliseconds time) = 0;
  /// Ends as a killed process does and starts again on the same data. Of several instances the first one does.
  virtual asio::awaitable<void> restart() = 0;
  /// All connections of all instances to what they stand on break, and are there again on return. False: there are
  /// none, and nothing happened.
  virtual asio::awaitable<bool> lose_connections() { co_return false; }
};

/// What a broker does wrong so far, and in which row of the list of faults from outside that stands. A case that allows
/// one is not looked at there; to mend a row means to delete its entries.
enum class KnownFault : std::uint8_t {
  one_instance_takes_what_is_ready,    ///< Row 34: others have nothing to deliver, and order between them is lost.
  one_instance_has_the_ordered_queue,  ///< Row 35.
};

struct BrokerCase {
  std::string name;
  std::function<std::unique_ptr<BrokerUnderTest>(asio::io_context&)> make;
  // The rest is for BrokerRandom.
  std::set<KnownFault> allowed = {};
  int steps = 300;
  unsigned seeds = 5;  ///< How many histories, each a case of its own: see `with_seeds`.
  unsigned seed = 1;
};

inline void PrintTo(const BrokerCase& one, std::ostream* out) {
  *out << one.name;
}

inline std::string broker_case(const testing::TestParamInfo<BrokerCase>& info) {
  return info.param.name;
}

class BrokerSuite : public testing::TestWithParam<BrokerCase> {
 protected:
  using Ids = std::vector<std::string>;
  using Millis = std::chrono::milliseconds;

  template <class T>
  T run(asio::awaitable<T> work) {
    return result_of(loop, asio::co_spawn(loop, std::move(work), asio::use_future), "an operation of the broker");
  }

  /// The instance that is asked.
  Broker& broker() { return *under_test->brokers().at(asked); }
  void pass(Millis time) { run(under_test->pass(time)); }
  void restart() { run(under_test->restart()); }

  static QueueDefinition queue(std::string name, std::string pattern = "#") {
    QueueDefinition definition;
    definition.name = std::move(name);
    definition.bindings = {{"events", std::move(pattern)}};
    definition.retry.delay = Millis{0};
    definition.retry.max_retries = 2;
    return definition;
  }
  DeclareOutcome declare(QueueDefinition definition) { return run(broker().declare(std::move(definition))).value(); }

  struct Publication {
    std::string type = "user.created";
    std::string key = {};
    std::string exchange = "events";
    Timestamp timestamp = Timestamp{std::chrono::seconds{1'700'000'000}};
    std::string payload = "{}";
  };
  EventDraft draft(const Publication& publication) {
    auto event = std::make_shared<Event>();
    event->event_id = "e" + std::to_string(++published_);
    event->correlation_id = event->event_id;
    event->event_type = event->routing_key = publication.type;
    event->exchange = publication.exchange;
    event->ordering_key = publication.key;
    event->timestamp = publication.timestamp;
    event->payload = publication.payload;
    return {event, {}};
  }
  void publish_drafts(std::vector<EventDraft> drafts) {
    std::vector<AppendRequest> requests(1);
    requests.front().drafts = std::move(drafts);
    auto appended = run(under_test->store().append(std::move(requests)));
    std::vector<StoredEvent> stored;
    for (auto& one : appended.front()) stored.push_back(std::move(one.event));
    broker().take(stored);
    run(under_test->relay(std::move(stored)));
  }
  /// Stores one event and hands it over; returns its id, "e1", "e2" …
  std::string publish(const Publication& publication) {
    auto one = draft(publication);
    publish_drafts({one});
    return one.event->event_id;
  }
  /// Many events in one group.
  void publish_burst(std::size_t count) {
    std::vector<EventDraft> drafts;
    drafts.reserve(count);
    for (std::size_t index = 0; index < count; ++index) drafts.push_back(draft({}));
    publish_drafts(std::move(drafts));
  }
  std::string publish() { return publish(Publication{}); }
  Ids publish_many(std::size_t count) {
    Ids ids;
    for (std::size_t index = 0; index < count; ++index) ids.push_back(publish());
    return ids;
  }

  std::vector<Delivery> receive(const std::string& name, std::size_t max = 100, Millis wait = Millis{0}) {
    return run(broker().receive(name, {max}, std::chrono::steady_clock::now() + wait)).value();
  }
  std::vector<Delivery> receive_for(const std::string& name, Credit credit) {
    return run(broker().receive(name, credit, std::chrono::steady_clock::now())).value();
  }
  /// Everything that a consumer gets by asking until nothing comes.
  std::vector<Delivery> receive_all(const std::string& name) {
    std::vector<Delivery> all;
    for (auto some = receive(name); !some.empty(); some = receive(name)) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }
  static Ids event_ids(const std::vector<Delivery>& deliveries) {
    Ids ids;
    for (const auto& delivery : deliveries) ids.push_back(delivery.event.event->event_id);
    return ids;
  }
  static Ids delivery_ids(const std::vector<Delivery>& deliveries) {
    Ids ids;
    for (const auto& delivery : deliveries) ids.push_back(delivery.delivery_id);
    return ids;
  }
  Settled ack(const std::string& name, Ids ids) { return run(broker().ack(name, std::move(ids))).value(); }
  Settled ack(const std::string& name, const std::vector<Delivery>& all) { return ack(name, delivery_ids(all)); }
  Settled nack(const std::string& name, const std::vector<Delivery>& deliveries, NackOptions options = {}) {
    return run(broker().nack(name, delivery_ids(deliveries), std::move(options))).value();
  }
  QueueInfo info(const std::string& name) { return run(broker().info(name)).value(); }
  /// "event id reason attempts" of every dead letter.
  Ids dead_letters(const std::string& name) {
    Ids letters;
    DeadLetterPage page;
    DeadLetterCursor after;
    do {
      page = run(broker().dead_letters(name, after, 7)).value();
      for (const auto& dead : page.dead_letters) {
        letters.push_back(dead.event.event->event_id + " " + dead.reason + " " + std::to_string(dead.attempts));
      }
      after = page.next.value_or(after);
    } while (page.next);
    return letters;
  }

  asio::io_context loop;
  std::unique_ptr<BrokerUnderTest> under_test = GetParam().make(loop);
  std::size_t asked = 0;

 private:
  std::size_t published_ = 0;
};

class BrokerConformance : public BrokerSuite {};

}  // namespace eventbus
