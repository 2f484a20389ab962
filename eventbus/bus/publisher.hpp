#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/suspend.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/event_store.hpp"
#include "eventbus/telemetry/metrics.hpp"

namespace eventbus {

enum class BusMode : std::uint8_t { normal, read_only };

struct PublisherSettings {
  /// A group commit gathers requests until it holds this many events (a larger batch goes whole). Raising it costs
  /// latency under overload, lowering it costs throughput.
  std::size_t group_limit = 100;
  /// Groups handed to the store and not yet durable. The store may commit them together.
  std::size_t groups_in_flight = 8;
  /// Most events waiting for a group; further publishes are refused with `too_many_requests`.
  std::size_t max_in_flight = 65536;
  /// What is stored is with the broker at once, because both are one.
  bool published_when_stored = true;
};

struct PublishOutcome {
  AppendStatus status = AppendStatus::stored;
  StoredEvent event;
  bool published = false;  ///< The broker has it too.
};

/// Stores events in groups and hands them over in commit order. What arrives together is a group;
/// a lone event never waits for a batch to fill. Groups gather only while `groups_in_flight` are being stored. All
/// members on the event-loop thread.
class Publisher {
 public:
  /// Called with events just committed, in commit order. When it throws, their publishers are told that they are
  /// stored, which they are; whoever reads the log from where it was left finds them. The publisher is not fit to go
  /// on: it stores what it has accepted, hands nothing more over, and `run` throws what was thrown.
  using Committed = std::function<void(std::span<const StoredEvent>)>;

  Publisher(const asio::any_io_executor& executor, EventStore& store, Broker& broker, Committed committed,
            MetricRegistry& metrics, PublisherSettings settings);
  ~Publisher();

  /// Durable when it returns. Errors: `queue_full`, `too_many_requests`, `read_only`, `draining`; a conflicting id is
  /// the outcome `conflict`. An id that the store has needs no room in a queue. Throws `Unavailable` when the store
  /// fails.
  asio::awaitable<Result<PublishOutcome>> publish(EventDraft draft);

  /// Room in the queues for the drafts of one batch; given back when destroyed.
  struct Places {
    std::vector<std::unique_ptr<Admission>> held;
    std::vector<std::optional<Error>> refusals;  ///< One a draft.
    bool refused() const;
  };
  /// Asks the store for repetitions when there isn't room for all: they need none, and must not take it from others.
  /// Throws `Unavailable` when the store can't tell.
  asio::awaitable<Places> admit(const std::vector<EventDraft>& drafts);
  /// One outcome a draft, in order. The outer error (same codes as for one) refuses the whole batch before anything is
  /// stored; a full queue refuses only the drafts bound to it unless `atomic`. Batches are stored in the order of the
  /// calls, so whoever publishes parts of one beside each other admits them one after the other.
  asio::awaitable<Result<std::vector<Result<PublishOutcome>>>> publish_batch(std::vector<EventDraft> drafts,
                                                                             Places places, bool atomic);

  /// Commits groups until `stop`, then what was accepted before it.
  asio::awaitable<void> run();
  /// Refuses new publishes with `draining` and ends `run` once nothing waits. Idempotent.
  void stop();

  BusMode mode() const { return mode_; }
  void set_mode(BusMode mode) { mode_ = mode; }
  bool draining() const { return stopping_; }

 private:
  struct Lookup;
  struct Waiting;

  PublishOutcome outcome(Appended appended) const;
  void observe(std::string_view event_type, std::chrono::steady_clock::time_point begun);
  Result<void> accepting(std::size_t drafts) const;
  asio::awaitable<bool> is_known(const EventDraft& draft);
  asio::awaitable<void> look_up(std::shared_ptr<Lookup> lookup);
  Places reserve(const std::vector<EventDraft>& drafts, std::unordered_set<std::string>* known);
  asio::awaitable<std::vector<Appended>> append(AppendRequest request);
  std::vector<Waiting> take_group();
  asio::awaitable<void> commit(std::vector<Waiting> group);
  void hand_over(const std::vector<std::vector<Appended>>& results);

  EventStore& store_;
  Broker& broker_;
  Committed committed_;
  HistogramFamily& publish_duration_;
  PublisherSettings settings_;
  Signal arrived_;
  TaskGroup groups_;
  std::deque<Waiting> waiting_;
  std::size_t in_flight_ = 0;  ///< Events accepted and not yet answered.
  std::size_t storing_ = 0;    ///< Groups.
  BusMode mode_ = BusMode::normal;
  bool stopping_ = false;
  std::exception_ptr failure_;  ///< To hand over what is stored.
};

}  // namespace eventbus
