#pragma once

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <sstream>

#include "eventbus/broker/conformance/broker_model.hpp"
#include "eventbus/broker/conformance/broker_suite.hpp"

namespace eventbus {

/// Queues beside their models. What they are told to do is noted, and printed when the two disagree.
class BrokerBesideModels : public BrokerSuite {
 protected:
  struct Played {
    QueueDefinition definition;
    QueueModel model;
    Ids arrived = {};                                    ///< Ids of all deliveries, in their order.
    std::map<std::string, std::size_t> deliveries = {};  ///< Of these, the instances that made them.

    const std::string& name() const { return definition.name; }
    Ids open_at(std::size_t instance) const {
      auto open = model.open_deliveries();
      std::erase_if(open, [&](const std::string& id) { return deliveries.at(id) != instance; });
      return open;
    }
  };

  struct Counts {
    explicit Counts(const QueueInfo& is)
        : ready(is.ready), in_flight(is.in_flight), delayed(is.delayed), dead(is.dead_letters) {}
    explicit Counts(const QueueModel& is)
        : ready(is.ready()), in_flight(is.in_flight()), delayed(is.delayed()), dead(is.dead()) {}
    bool operator==(const Counts&) const = default;
    friend std::ostream& operator<<(std::ostream& out, const Counts& is) {
      return out << is.ready << " ready, " << is.in_flight << " in flight, " << is.delayed << " delayed, " << is.dead
                 << " dead";
    }
    std::uint64_t ready;
    std::uint64_t in_flight;
    std::uint64_t delayed;
    std::uint64_t dead;
  };

  // What is done.
  std::size_t instances() { return under_test->brokers().size(); }
  static bool allows(KnownFault fault) { return GetParam().allowed.contains(fault); }
  void tell(std::string what) { told_.push_back(std::move(what)); }
  void tell(const std::string& what, const Played& queue, const Ids& ids = {}) {
    tell(what + " " + queue.name() + (asked == 0 ? "" : " at " + std::to_string(asked)));
    for (const auto& id : ids) tell_more(id);
  }
  void tell_more(const std::string& what) { told_.back() += " " + what; }

  void begin(const QueueDefinition& definition) {
    const QueueModel model(definition, !allows(KnownFault::one_instance_takes_what_is_ready));
    auto& queue = queues.emplace(definition.name, Played{definition, model}).first->second;
    tell(definition.ordered ? "declare ordered" : "declare", queue);
    ASSERT_EQ(declare(definition), DeclareOutcome::created);
    if (definition.start_from.kind == StartFrom::Kind::beginning) {
      for (const auto& event : log) route(event, queue);
    }
    pass(Millis{0});
  }

  static void route(const std::pair<std::string, Publication>& event, Played& queue) {
    const auto& [id, published] = event;
    if (routes(queue.definition, published.exchange, published.type)) queue.model.published(id, published.key);
  }

  void let_pass(Millis time) {
    now += time;
    for (auto& [name, queue] : queues) queue.model.advance(now);
    pass(time);
  }

  /// Where the fault is known, and no other instance is asked elsewhere.
  bool ask_the_next(KnownFault fault) {
    if (allows(fault)) asked = (asked + 1) % instances();
    return allows(fault);
  }

  // What is compared.
  void compare_all() {
    for (const auto& [name, queue] : queues) {
      if (HasFatalFailure()) return;
      compare(queue);
      compare_dead_letters(queue);
    }
  }

  void compare(const Played& queue) {
    const Counts expected(queue.model);
    const Wait wait("right counts", timing.patience);
    auto said = counts_of(queue.name());
    while (!agree(said, expected) && wait.left() > Millis{0}) {
      rest();
      said = counts_of(queue.name());
    }
    std::ostringstream all;
    for (const auto& one : said) all << "\n  said: " << one;
    ASSERT_TRUE(agree(said, expected)) << queue.name() << all.str() << "\n  model: " << expected;
  }

  void compare_dead_letters(const Played& queue) {
    auto letters = dead_letters(queue.name());
    std::ranges::sort(letters);
    ASSERT_EQ(letters, queue.model.dead_letters()) << queue.name();
  }

  /// By each instance.
  std::vector<Counts> counts_of(const std::string& name) {
    std::vector<Counts> counts;
    for (auto* one : under_test->brokers()) counts.emplace_back(run(one->info(name)).value());
    return counts;
  }

  static bool agree(const std::vector<Counts>& said, const Counts& expected) {
    return std::ranges::all_of(said, [&expected](const Counts& one) { return one == expected; });
  }

  void rest() {
    asio::steady_timer timer(loop, std::chrono::milliseconds{10});
    run(timer.async_wait(asio::use_awaitable));
  }

  /// Says what was done last when something went wrong.
  void TearDown() override {
    constexpr std::size_t most = 2000;
    if (!HasFailure()) return;
    std::string said;
    for (auto at = told_.size() - std::min(most, told_.size()); at < told_.size(); ++at) said += told_[at] + "; ";
    ADD_FAILURE() << "The history's end, by step:" << said;
  }

  const Timing timing = under_test->timing();
  Millis now{0};                                         ///< For the models, since the beginning.
  std::vector<std::pair<std::string, Publication>> log;  ///< Ids and events.
  std::map<std::string, Played> queues;

 private:
  Ids told_;
};

}  // namespace eventbus
