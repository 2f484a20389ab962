#pragma once

#include <algorithm>
#include <map>
#include <random>

#include "eventbus/broker/conformance/broker_model.hpp"
#include "eventbus/broker/conformance/broker_suite.hpp"

/// Random operations on a plain and an ordered queue, on one that wants few events, and on one that comes late and
/// wants all of them; each is compared with the model.
namespace eventbus {

TEST_P(BrokerRandom, AgreesWithTheModel) {
  constexpr int seeds = 5;
  constexpr int steps = 300;
  for (int seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    under_test = nullptr;
    under_test = GetParam().make(loop);
    std::mt19937 random(static_cast<unsigned>(seed));
    const auto up_to = [&random](std::size_t most) {
      return std::uniform_int_distribution<std::size_t>(0, most)(random);
    };
    Millis now{0};
    std::vector<std::pair<std::string, std::string>> log;  // id and key of each event
    std::map<std::string, QueueModel> models;
    const auto add = [&](const std::string& name, bool ordered) {
      auto definition = queue(name, name == "rare" ? "order.*" : "#");
      definition.ordered = ordered;
      definition.lease = Millis{10000};
      if (name == "late") definition.start_from.kind = StartFrom::Kind::beginning;
      declare(definition);
      auto& model = models.emplace(name, QueueModel(definition)).first->second;
      for (const auto& [id, key] : log) model.published(id, key);
      pass(Millis{0});
    };
    add("plain", false);
    add("ordered", true);
    add("rare", false);
    const auto one_of = [&up_to](const Ids& ids) { return ids[up_to(ids.size() - 1)]; };
    const auto compare = [&](const std::string& name, const QueueModel& model) {
      const auto is = info(name);
      ASSERT_EQ(std::tuple(is.ready, is.in_flight, is.delayed, is.dead_letters),
                std::tuple(model.ready(), model.in_flight(), model.delayed(), model.dead()));
      auto letters = dead_letters(name);
      std::ranges::sort(letters);
      ASSERT_EQ(letters, model.dead_letters());
    };
    const auto receive_some = [&](const std::string& name, QueueModel& model) {
      const bool must = model.deliverable();
      const auto deliveries = receive(name, 1 + up_to(9));
      ASSERT_EQ(!deliveries.empty(), must);
      for (const auto& delivery : deliveries) ASSERT_EQ(model.delivered(delivery, now), "");
    };
    const auto step = [&](const std::string& name, QueueModel& model) {
      const auto open = model.open_deliveries();
      const auto action = up_to(99);
      if (action < 25) {
        for (auto count = up_to(12); count > 0; --count) {
          const std::string key = up_to(3) == 0 ? "" : "k" + std::to_string(up_to(3));
          const bool rare = up_to(11) == 0;
          const auto id = publish({.type = rare ? "order.paid" : "user.created", .key = key});
          log.emplace_back(id, key);
          for (auto& [other, published] : models) {
            if (rare || other != "rare") published.published(id, key);
          }
        }
      } else if (action < 50) {
        receive_some(name, model);
      } else if (action < 70 && !open.empty()) {
        Ids ids;
        for (auto count = up_to(8); count > 0; --count) ids.push_back(one_of(open));
        std::size_t known = 0;
        for (const auto& id : ids) known += model.acked(id) ? 1 : 0;
        ASSERT_EQ(ack(name, ids).settled, known);
      } else if (action < 80 && !open.empty()) {
        const auto id = one_of(open);
        const NackOptions options{
            .requeue = up_to(4) > 0, .delay = Millis{up_to(2) * 3000}, .reason = up_to(2) == 0 ? "broken" : ""};
        model.nacked(id, options.requeue, *options.delay, options.reason, now);
        ASSERT_EQ(run(broker().nack(name, {id}, options)).value().settled, 1u);
      } else if (action < 84 && !open.empty()) {
        const auto id = one_of(open);
        model.given_back(id);
        broker().give_back(name, Ids{id});
      } else if (action < 87 && !open.empty()) {
        const auto id = one_of(open);
        model.extended(id, Millis{20000}, now);
        ASSERT_EQ(run(broker().extend(name, {id}, Millis{20000})).value().settled, 1u);
      } else if (action < 93) {
        const Millis time{500 + up_to(4) * 2000};
        now += time;
        for (auto& [other, model_of] : models) model_of.advance(now);
        pass(time);
      } else if (action < 95) {
        for (auto& [other, model_of] : models) model_of.restarted();
        restart();
        pass(Millis{0});
      } else if (action < 96) {
        ASSERT_EQ(run(broker().purge(name)).value(), model.purged());
      } else if (action < 98) {
        const DeadLetterSelection selection{.event_ids = {}, .reason = "broken", .all = false};
        ASSERT_EQ(run(broker().redrive(name, selection, 0, false)).value(), model.redriven("broken"));
      } else {
        const DeadLetterSelection selection{.event_ids = {}, .reason = "rejected", .all = false};
        ASSERT_EQ(run(broker().delete_dead_letters(name, selection, 0, false)).value(), model.deleted("rejected"));
      }
      for (auto& [other, model_of] : models) compare(other, model_of);
    };
    for (int number = 0; number < steps && !HasFatalFailure(); ++number) {
      SCOPED_TRACE("step " + std::to_string(number));
      if (number == steps / 2) add("late", up_to(1) == 0);
      auto& [name, model] = *std::next(models.begin(), static_cast<std::ptrdiff_t>(up_to(models.size() - 1)));
      step(name, model);
    }
    if (HasFatalFailure()) return;
    for (auto& [name, model] : models) {
      now += Millis{60000};
      for (auto& entry : models) entry.second.advance(now);
      pass(Millis{60000});
      for (const Wait wait("the model to be drained"); model.deliverable(); wait.go_on()) {
        receive_some(name, model);
        ASSERT_FALSE(HasFatalFailure());
        auto open = model.open_deliveries();
        for (const auto& id : open) model.acked(id);
        ack(name, std::move(open));
      }
      compare(name, model);
      ASSERT_EQ(model.ready() + model.in_flight() + model.delayed(), 0u);
    }
  }
}

}  // namespace eventbus
