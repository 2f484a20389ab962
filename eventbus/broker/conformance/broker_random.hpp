#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <random>
#include <string_view>

#include "eventbus/broker/conformance/broker_beside_models.hpp"

/// Random operations on a plain and an ordered queue, on one that wants few events, and on one that comes late and
/// wants all of them, each through an instance by chance. Every queue is compared with its model after every operation.
namespace eventbus {

/// Each case with each of its seeds, or with seeds 1 to EVENTBUS_RANDOM_SEEDS.
inline std::vector<BrokerCase> with_seeds(const std::vector<BrokerCase>& cases) {
  const char* wanted = std::getenv("EVENTBUS_RANDOM_SEEDS");
  const std::string_view number = wanted == nullptr ? "" : wanted;
  std::vector<BrokerCase> all;
  for (auto one : cases) {
    std::from_chars(number.data(), number.data() + number.size(), one.seeds);
    const auto name = one.name + "_seed_";
    for (one.seed = 1; one.seed <= one.seeds; ++one.seed) {
      one.name = name + std::to_string(one.seed);
      all.push_back(one);
    }
  }
  return all;
}

/// One history.
class BrokerRandom : public BrokerBesideModels {
 protected:
  void play() {
    add("plain");
    add("ordered");
    add("rare");
    for (int number = 0; number < GetParam().steps && !HasFatalFailure(); ++number) {
      tell("\n" + std::to_string(number));
      asked = up_to(instances() - 1);
      if (number == GetParam().steps / 2) add("late");
      step(std::next(queues.begin(), static_cast<std::ptrdiff_t>(up_to(queues.size() - 1)))->second);
      compare_all();
    }
    if (!HasFatalFailure()) drain();
  }

 private:
  std::size_t up_to(std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random_); }
  template <class Things>
  auto one_of(const Things& things) {
    return *std::next(things.begin(), static_cast<std::ptrdiff_t>(up_to(things.size() - 1)));
  }

  void step(Played& queue) {
    const auto open = queue.model.open_deliveries();
    const auto action = up_to(99);
    if (action < 25) return publish_some();
    if (action < 50) return receive_some(queue);
    if (action < 87 && open.empty()) return wait_a_while(queue);
    if (action < 70) return ack_some(queue, open);
    if (action < 80) return nack_one(queue, one_of(open));
    if (action < 84) return give_back_one(queue, one_of(open));
    if (action < 87) return extend_one(queue, one_of(open));
    if (action < 89) return ack_an_old_one(queue);
    if (action < 91) return lose_connections();
    if (action < 93) return wait_a_while(queue);
    if (action < 95) return restart_the_first();
    if (action < 96) return purge(queue);
    if (action < 98) return redrive(queue);
    delete_dead(queue);
  }

  void add(const std::string& name) {
    auto definition = queue(name, name == "rare" ? "order.*" : "#");
    definition.ordered = name == "ordered" || (name == "late" && up_to(1) == 0);
    definition.lease = lease_;
    if (name == "late") definition.start_from.kind = StartFrom::Kind::beginning;
    begin(definition);
  }

  void publish_some() {
    for (auto count = up_to(12); count > 0; --count) {
      const std::string key = up_to(3) == 0 ? "" : "k" + std::to_string(up_to(3));
      const Publication event{.type = up_to(11) == 0 ? "order.paid" : "user.created", .key = key};
      log.emplace_back(publish(event), event);
      tell("publish " + log.back().first + " " + event.type + " " + key);
      for (auto& [name, queue] : queues) route(log.back(), queue);
    }
  }

  void receive_some(Played& queue) {
    const bool must = queue.model.deliverable();
    const auto max = 1 + up_to(9);
    auto deliveries = receive(queue.name(), max);
    const Wait wait("deliveries", timing.patience);
    while (deliveries.empty() && must && wait.left() > Millis{0}) {
      ask_the_next(queue.definition.ordered ? KnownFault::one_instance_has_the_ordered_queue
                                            : KnownFault::one_instance_takes_what_is_ready);
      deliveries = receive(queue.name(), max, turn);
    }
    tell("receive", queue);
    for (const auto& delivery : deliveries) {
      tell_more(delivery.event.event->event_id + "=" + delivery.delivery_id);
      queue.arrived.push_back(delivery.delivery_id);
      queue.deliveries[delivery.delivery_id] = asked;
      ASSERT_EQ(queue.model.delivered(delivery, now), "");
    }
    ASSERT_EQ(!deliveries.empty(), must) << queue.name();
  }

  void ack_some(Played& queue, const Ids& open) {
    Ids ids;
    for (auto count = up_to(8); count > 0; --count) ids.push_back(one_of(open));
    std::size_t known = 0;
    for (const auto& id : ids) known += queue.model.acked(id) ? 1 : 0;
    tell("ack", queue, ids);
    ASSERT_EQ(ack(queue.name(), ids).settled, known);
  }

  void nack_one(Played& queue, const std::string& id) {
    const auto delay = one_of(std::array{Millis{0}, soon_, late_});
    const NackOptions options{.requeue = up_to(4) > 0, .delay = delay, .reason = up_to(2) == 0 ? "broken" : ""};
    queue.model.nacked(id, options.requeue, delay, options.reason, now);
    tell(options.requeue ? "nack for " + std::to_string(delay.count()) + " ms" : "reject", queue, {id});
    ASSERT_EQ(run(broker().nack(queue.name(), {id}, options)).value().settled, 1u);
    until_over(delay);
  }

  /// Only the instance that made the delivery notices that its consumer is gone.
  void give_back_one(Played& queue, const std::string& id) {
    asked = queue.deliveries.at(id);
    queue.model.given_back(id);
    tell("give back", queue, {id});
    broker().give_back(queue.name(), Ids{id});
  }

  void extend_one(Played& queue, const std::string& id) {
    const auto lease = one_of(std::array{soon_, 2 * lease_});
    queue.model.extended(id, lease, now);
    tell("extend to " + std::to_string(lease.count()) + " ms", queue, {id});
    ASSERT_EQ(run(broker().extend(queue.name(), {id}, lease)).value().settled, 1u);
    until_over(lease);
  }

  /// Perhaps one that is settled, whose lease is over, or that was lost or given back.
  void ack_an_old_one(Played& queue) {
    if (queue.arrived.empty()) return;
    const auto id = one_of(queue.arrived);
    const bool open = queue.model.acked(id);
    tell("ack an old one", queue, {id});
    const auto said = ack(queue.name(), Ids{id});
    ASSERT_EQ(said.unknown, said.settled == 1 ? Ids{} : Ids{id});
    const bool known = open || (said.settled == 1 && queue.model.acked_late(id));
    ASSERT_EQ(said.settled == 1, known) << queue.name();
  }

  void lose_connections() {
    tell("lose the connections");
    if (!run(under_test->lose_connections())) return;
    for (auto& [name, queue] : queues) queue.model.lost(queue.model.open_deliveries());
  }

  void restart_the_first() {
    tell("restart");
    restart();
    for (auto& [name, queue] : queues) queue.model.lost(queue.open_at(0));
    pass(Millis{0});
  }

  void purge(Played& queue) {
    tell("purge", queue);
    ASSERT_EQ(run(broker().purge(queue.name())).value(), queue.model.purged()) << queue.name();
  }

  void redrive(Played& queue) {
    const DeadLetterSelection selection{.event_ids = {}, .reason = "broken", .all = false};
    tell("redrive", queue);
    ASSERT_EQ(run(broker().redrive(queue.name(), selection, 0, false)).value().redriven,
              queue.model.redriven("broken"));
  }

  void delete_dead(Played& queue) {
    const DeadLetterSelection selection{.event_ids = {}, .reason = "rejected", .all = false};
    tell("delete the rejected", queue);
    const auto deleted = run(broker().delete_dead_letters(queue.name(), selection, 0, false)).value();
    ASSERT_EQ(deleted, queue.model.deleted("rejected"));
  }

  /// Where time passes by itself, nothing is due that has not been waited for.
  void wait_a_while(Played& queue) {
    if (timing.real) return receive_some(queue);
    const Millis time{500 + up_to(4) * 2000};
    tell("wait " + std::to_string(time.count()) + " ms");
    let_pass(time);
  }

  void until_over(Millis time) {
    if (timing.real && time == soon_) let_pass(time);
  }

  /// All that can be had is taken out of every queue; in real time some of it waits for longer than that.
  void drain() {
    tell("\ndrain");
    if (!timing.real) let_pass(Millis{60000});
    for (auto& [name, queue] : queues) {
      for (const Wait wait("the model to be drained"); queue.model.deliverable() || queue.model.in_flight() > 0;
           wait.go_on()) {
        const auto open = queue.model.open_deliveries();
        for (const auto& id : open) queue.model.acked(id);
        ASSERT_EQ(ack(name, open).settled, open.size());
        if (queue.model.deliverable()) receive_some(queue);
        ASSERT_FALSE(HasFatalFailure());
      }
      if (timing.real) purge(queue);
      ASSERT_EQ(queue.model.ready(), 0u);
    }
    if (!HasFatalFailure()) compare_all();
  }

  static constexpr Millis turn{100};
  const Millis lease_ = timing.real ? Millis{3'600'000} : Millis{10'000};
  const Millis soon_ = timing.real ? Millis{200} : Millis{3'000};
  const Millis late_ = timing.real ? Millis{3'600'000} : Millis{6'000};
  std::mt19937 random_{GetParam().seed};
};

TEST_P(BrokerRandom, AgreesWithTheModel) {
  play();
}

}  // namespace eventbus
