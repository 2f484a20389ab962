#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "eventbus/broker/rabbitmq/dead_letter_store.hpp"
#include "eventbus/broker/rabbitmq/event_publisher.hpp"
#include "eventbus/broker/rabbitmq/forwarding.hpp"
#include "eventbus/broker/rabbitmq/ingest_queue.hpp"
#include "eventbus/broker/rabbitmq/instance_board.hpp"
#include "eventbus/broker/rabbitmq/live_queue.hpp"
#include "eventbus/broker/rabbitmq/queue_claim.hpp"
#include "eventbus/broker/rabbitmq/rabbitmq_broker.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus::rabbitmq {

inline constexpr std::chrono::seconds patience_for_arrivals{1};

/// Settles messages that nobody gets to see. When the connection is lost they come again.
asio::awaitable<void> settle_unread(std::shared_ptr<amqp::Consumer> consumer, std::vector<amqp::DeliveryTag> tags,
                                    amqp::Settlement settlement);

/// Returns when everything is here that the server had handed to the consumer; false: its channel is not open, or the
/// answer stayed out.
asio::awaitable<bool> until_arrived(std::shared_ptr<amqp::Consumer> consumer, amqp::Deadline deadline);

}  // namespace eventbus::rabbitmq

namespace eventbus {

/// What the members of the broker work on. For the event-loop thread.
struct RabbitMqBroker::Parts {
  using LiveQueue = rabbitmq::LiveQueue;
  using LiveQueuePtr = rabbitmq::LiveQueuePtr;
  using Serial = rabbitmq::DeliveryBuffer::Serial;
  using Serials = std::vector<Serial>;

  Parts(const asio::any_io_executor& loop, EventStore& store, Outbox& outbox, postgres::ConnectionPool& database,
        BrokerMetrics& metrics, RabbitMqSettings settings, BrokerClock clock);

  // Queues (broker_parts.cpp).
  asio::awaitable<void> refresh();
  asio::awaitable<void> follow_definitions();
  asio::awaitable<void> look_at_database();
  /// Null when no instance knows it.
  asio::awaitable<LiveQueuePtr> find(std::string name);
  LiveQueuePtr known(std::string_view name) const;
  void forget(const LiveQueuePtr& queue);
  asio::awaitable<void> ensure_topology();
  /// Queue and bindings of one queue; the past of one that is being filled comes first.
  asio::awaitable<void> ensure(LiveQueuePtr queue);
  /// What is missing of the queue, without bindings. False: another makes or removes it just now, or it was removed.
  asio::awaitable<bool> make(LiveQueuePtr queue, QueueDefinition definition);
  asio::awaitable<bool> make(LiveQueuePtr queue, QueueDefinition definition, rabbitmq::QueueClaim& claim);
  rabbitmq::QueueClaim claim_of(const std::string& queue);
  /// Whether it is what its name stands for, and nobody removes it. With a claim this is so until the claim ends.
  asio::awaitable<bool> still_wanted(LiveQueuePtr queue);
  /// As it is declared, and not as it was: of `former`, and where somebody declares it otherwise meanwhile.
  asio::awaitable<void> bind(LiveQueuePtr queue, std::vector<Binding> former);
  /// Of one queue after the other, a queue a call.
  asio::awaitable<void> look_after_next();
  /// Something of the topology may be gone: it is made again before anything else is published.
  void doubt_topology();
  std::string_view wanted_by(const Event& event) const;
  /// What others have changed of it.
  void take_over(const LiveQueuePtr& queue, rabbitmq::QueueRecord record);
  bool prepared() const;
  asio::awaitable<std::uint64_t> until_prepared();
  using Delays = std::vector<std::chrono::milliseconds>;
  asio::awaitable<void> forget_retry_queues(LiveQueuePtr queue, Delays delays);
  asio::awaitable<bool> forget_retry_queues_now(LiveQueuePtr queue, Delays delays);
  asio::awaitable<void> look_around(std::vector<LiveQueuePtr> all);
  /// Null or false, of these five: somebody else makes or removes the queue just now.
  asio::awaitable<std::optional<Result<DeclareOutcome>>> create(QueueDefinition definition);
  asio::awaitable<bool> create(QueueDefinition definition, rabbitmq::QueueClaim& claim);
  asio::awaitable<std::optional<Result<DeclareOutcome>>> redeclare(LiveQueuePtr queue, QueueDefinition definition);
  asio::awaitable<bool> remove(LiveQueuePtr queue);
  asio::awaitable<bool> remove(LiveQueuePtr queue, rabbitmq::QueueClaim& claim);
  static constexpr std::chrono::seconds patience_for_others{3};
  /// For a moment; throws after `until`.
  asio::awaitable<void> wait_for_others(std::string_view operation, const std::string& queue,
                                        std::chrono::steady_clock::time_point until);
  asio::awaitable<void> backfill(LiveQueuePtr queue);
  asio::awaitable<void> begin_backfill(LiveQueuePtr queue);
  asio::awaitable<bool> delivers_from(std::string queue);

  // How much there is (counting.cpp).
  asio::awaitable<void> count(LiveQueuePtr queue);
  asio::awaitable<std::vector<Position>> relayed_of(LiveQueuePtr queue);
  asio::awaitable<void> forget_what_others_relay();
  asio::awaitable<void> exchange_shares();
  asio::awaitable<void> look_at_counts();
  QueueInfo info_of(const LiveQueue& queue) const;

  // How old the oldest is that nobody consumes (head_watch.cpp).
  void watch_head(const LiveQueuePtr& queue);
  asio::awaitable<void> look_at_head(LiveQueuePtr queue);

  asio::awaitable<void> tidy();

  // The server (rabbitmq_broker.cpp).
  void link_changed(amqp::LinkState state);
  void link_failed(const amqp::LinkFailure& failure);
  asio::awaitable<void> first_logins();
  bool connected() const;
  /// Throws `BreakerOpen` when the server isn't worth waiting for.
  void check() const;

  // Consuming (consuming.cpp).
  void consume(const LiveQueuePtr& queue);
  void stop_consuming(LiveQueue& queue);
  void take_in(const LiveQueuePtr& queue, std::vector<amqp::ReceivedMessage> messages);
  void arrive(LiveQueue& queue, rabbitmq::Arrival arrival);
  /// Tells those that became dead letters before from those that are delivered.
  asio::awaitable<void> sift(LiveQueuePtr queue);
  asio::awaitable<std::optional<std::set<std::string>>> moved_before(LiveQueuePtr queue);
  /// The first so many of them.
  void let_in(LiveQueue& queue, std::size_t count, const std::set<std::string>& moved);
  void let_in_what_is_new(LiveQueue& queue);
  std::size_t drop_unsifted(LiveQueue& queue);
  void settle_unread(const LiveQueue& queue, std::vector<amqp::DeliveryTag> tags, amqp::Settlement settlement);
  void wake(LiveQueue& queue);
  std::vector<Delivery> lease(LiveQueue& queue, Credit credit);
  asio::awaitable<void> begin_consuming(LiveQueuePtr queue);
  /// What this instance held was of a queue that is gone.
  asio::awaitable<void> consume_anew(LiveQueuePtr queue);
  asio::awaitable<void> fetch(LiveQueuePtr queue, Credit wanted);

  // How much is fetched ahead (demand.cpp).
  /// How many messages of it this instance is to hold that nobody has.
  std::uint16_t wanted_prefetch(LiveQueue& queue) const;
  void follow_demand(const LiveQueuePtr& queue);
  /// All but the oldest so many of those that wait.
  void return_waiting(LiveQueue& queue, std::size_t kept);

  // What consumers say of their deliveries (answering.cpp).
  struct Tally {
    Settled settled;
    std::exception_ptr failure;
    void add(rabbitmq::InstanceId owner, const rabbitmq::SettleOutcome& outcome);
  };
  /// Carried out by whichever instance holds them.
  asio::awaitable<Settled> settle(rabbitmq::SettleOrder order, std::vector<std::string> delivery_ids);
  asio::awaitable<void> settle_share(rabbitmq::InstanceId owner, rabbitmq::SettleOrder order,
                                     std::shared_ptr<Tally> tally);
  /// On what this instance holds.
  asio::awaitable<rabbitmq::SettleOutcome> settle_here(rabbitmq::SettleOrder order);
  asio::awaitable<void> acknowledge(LiveQueuePtr queue, Serials serials);
  rabbitmq::SettleOutcome extend(LiveQueue& queue, const std::vector<std::uint64_t>& deliveries,
                                 std::chrono::milliseconds lease) const;

  // Purging (purging.cpp).
  asio::awaitable<void> until_relayed(Position newest);
  asio::awaitable<std::uint64_t> purge_server(LiveQueuePtr queue);
  asio::awaitable<std::vector<std::string>> held_names(std::string queue);
  asio::awaitable<std::uint64_t> purge_everywhere(LiveQueuePtr queue);
  /// Where whoever purged it did not reach this instance: what waited here by then.
  asio::awaitable<void> purge_later(LiveQueuePtr queue, Serials serials);
  asio::awaitable<std::uint64_t> purge_here(LiveQueuePtr queue);

  // Dead letters (dead_letter_desk.cpp).
  struct Clearing;
  asio::awaitable<RedriveOutcome> clear_dead_letters(LiveQueuePtr queue, DeadLetterSelection selection,
                                                     std::uint32_t events_per_second, bool dry_run, bool redrive);
  asio::awaitable<void> clear_in_background(std::shared_ptr<Clearing> clearing);
  asio::awaitable<bool> clear_some(Clearing& clearing);
  asio::awaitable<void> redrive(LiveQueuePtr queue, std::vector<rabbitmq::RestingMessage> resting);
  asio::awaitable<void> until_taken_in(LiveQueuePtr queue);
  asio::awaitable<void> count_dead_letters();
  /// For a dead letter that has no name, as long as this instance holds the message: what is tried again rests once.
  std::string unique_name(amqp::DeliveryTag tag) const;
  /// How many are new.
  asio::awaitable<std::uint64_t> add_dead_letters(LiveQueuePtr queue, std::vector<rabbitmq::RestingMessage> messages);

  // What others put among them (dead_letter_intake.cpp).
  void begin_to_take_in(const LiveQueuePtr& queue);
  asio::awaitable<void> take_in_dead_letters(LiveQueuePtr queue);
  using Work = std::function<asio::awaitable<void>()>;
  asio::awaitable<bool> insist(LiveQueuePtr queue, const Work& work, std::chrono::steady_clock::time_point give_up_at);
  asio::awaitable<void> postpone(const LiveQueue& queue, const std::vector<amqp::ReceivedMessage>& messages);
  asio::awaitable<void> return_to_queue(const LiveQueue& queue, const std::vector<amqp::ReceivedMessage>& messages);
  asio::awaitable<void> rest(LiveQueuePtr queue, const std::vector<amqp::ReceivedMessage>& messages);

  // Settling (settling.cpp). Each takes messages that are being settled, and leaves them leased when it throws.
  /// `waited`: nobody had them.
  asio::awaitable<void> done(LiveQueuePtr queue, Serials serials, bool waited = false);
  asio::awaitable<void> failed(LiveQueuePtr queue, Serials serials, NackOptions options, bool lease_ended);
  /// `waited`: for an attempt that was not made.
  asio::awaitable<void> dead(LiveQueuePtr queue, Serials serials, std::string reason, bool waited = false);
  /// As many of them as are moved at a time, from the first on; how many.
  asio::awaitable<std::size_t> bury(LiveQueuePtr queue, std::span<const Serial> serials, std::string reason,
                                    bool waited);
  using Waits = std::vector<std::chrono::milliseconds>;
  asio::awaitable<void> hold(LiveQueuePtr queue, const Serials& serials, const Waits& waits);
  /// `exact`: somebody asked for these waits, which may be rounded up only.
  asio::awaitable<void> publish_retries(LiveQueuePtr queue, const Serials& serials, const Waits& waits, bool exact);
  asio::awaitable<std::string> retry_queue(LiveQueuePtr queue, std::chrono::milliseconds step);
  asio::awaitable<bool> make_retry_queue(LiveQueuePtr queue, std::chrono::milliseconds step);
  asio::awaitable<bool> make_retry_queue(LiveQueuePtr queue, std::chrono::milliseconds step,
                                         rabbitmq::QueueClaim& claim);
  /// How many.
  std::size_t give_up(const LiveQueuePtr& queue, std::size_t most, Timestamp entered_before, std::string reason);
  asio::awaitable<void> in_background(asio::awaitable<void> work);
  static constexpr std::chrono::seconds rest_after_failure{1};
  /// For so long, or until the broker stops.
  asio::awaitable<void> pause(std::chrono::milliseconds time);
  void tick(const LiveQueuePtr& queue);

  asio::any_io_executor loop;
  EventStore& store;
  Outbox& outbox;
  BrokerMetrics& metrics;
  RabbitMqSettings settings;
  BrokerClock clock;
  DependencyGuard guard{"rabbitmq"};
  TroubleLog troubles;       ///< With what is tried again in the background.
  TroubleLog link_troubles;  ///< With connecting.
  std::string refusal;       ///< Why the server let us in nowhere when last asked.
  std::size_t failed_logins = 0;
  amqp::Connection publishing;
  amqp::Connection consuming;
  rabbitmq::Topology topology;
  rabbitmq::QueueCatalog catalog;
  rabbitmq::DeadLetterStore letters;
  rabbitmq::InstanceId instance;
  rabbitmq::InstanceBoard board;
  std::vector<rabbitmq::InstanceId> running;  ///< Other instances, as of the last look.
  rabbitmq::EventPublisher publisher;
  std::map<std::string, LiveQueuePtr, std::less<>> queues;
  rabbitmq::Forwarding forwarding;
  std::vector<std::unique_ptr<rabbitmq::IngestQueue>> ingest_queues;
  Serial last_serial = 0;
  std::int64_t revision = 0;
  std::set<std::string> working;     ///< Names of queues that this instance makes or removes just now.
  std::uint64_t doubts = 1;          ///< Whether everything is on the server we are connected to.
  std::uint64_t settled_doubts = 0;  ///< Of these, those that were before it was made.
  std::string looked_after;          ///< The name of the queue that was last.
  std::uint64_t prepared_login = 0;  ///< Of the publishing connection, when it was made.
  bool stopped = false;
  Signal changed;
  TaskGroup background;
};

}  // namespace eventbus
