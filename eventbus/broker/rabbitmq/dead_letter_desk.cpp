// Dead letters: looked at, tried again, deleted. They rest in a queue of RabbitMQ, so looking at them means to take
// them all and to put them back: RabbitMQ does so when the consumer is cancelled.
#include <algorithm>
#include <set>
#include <span>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/broker/rabbitmq/names.hpp"
#include "eventbus/delivery/unknown_queue.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::LiveQueuePtr;

namespace {

constexpr std::uint16_t most_at_a_time = 10'000;
constexpr unsigned steps_a_second = 10;
constexpr std::chrono::milliseconds patience_for_return{500};

struct Resting {
  amqp::DeliveryTag tag;
  DeadLetter letter;
};

/// All dead letters of a queue, in our hands until this is destroyed.
class Browsing {
 public:
  Browsing(LiveQueuePtr queue, amqp::Connection& connection)
      : queue_(std::move(queue)), connection_(connection), mine_(false) {}
  ~Browsing() {
    if (consumer_) consumer_->cancel();
    if (!mine_) return;
    queue_->browsing = false;
    queue_->dead_letters_free.notify_one();
  }
  Browsing(const Browsing&) = delete;
  Browsing& operator=(const Browsing&) = delete;

  /// Returns when everything that the server says to have is here. Throws `Unavailable` when it doesn't come.
  asio::awaitable<void> collect(rabbitmq::Topology& topology, std::chrono::steady_clock::time_point deadline) {
    while (queue_->browsing) {
      if (!co_await queue_->dead_letters_free.wait_until(deadline))
        throw Unavailable("reading dead letters", "others are looking at them; try again");
    }
    queue_->browsing = mine_ = true;
    const auto name = rabbitmq::dead_letter_queue(queue_->name());
    const auto expected = std::min<std::uint64_t>(co_await topology.ready(name), most_at_a_time);
    if (expected == 0) co_return;
    amqp::ConsumerHandler handler;
    handler.on_messages = [this](std::vector<amqp::ReceivedMessage> messages) { take_in(std::move(messages)); };
    handler.on_lost = [this] { resting_.clear(); };
    handler.on_trouble = [](std::string trouble) {
      log_warning("dead letters can't be read for now", {{"error", std::string_view(trouble)}});
    };
    consumer_ = connection_.consume(name, most_at_a_time, std::move(handler));
    while (resting_.size() < expected) {
      if (!co_await queue_->dead_letters_free.wait_until(deadline))
        throw Unavailable("reading dead letters",
                          "queue '" + name + "' did not hand them out; does another consumer hold them?");
    }
    left_ = resting_.size();
    std::ranges::stable_sort(resting_, {}, [](const Resting& one) { return one.letter.event.position; });
  }

  std::vector<Resting>& letters() { return resting_; }
  asio::awaitable<void> acknowledge(std::vector<amqp::DeliveryTag> tags, amqp::Deadline deadline) {
    left_ -= std::min(left_, tags.size());
    co_await consumer_->settle(std::move(tags), amqp::Settlement::ack);
    co_await consumer_->barrier(deadline);
  }

  /// Returns when the server shows those that were not acknowledged again, or somebody else took them meanwhile.
  asio::awaitable<void> put_back(rabbitmq::Topology& topology) {
    if (!consumer_) co_return;
    consumer_->cancel();
    consumer_.reset();
    const auto until = std::chrono::steady_clock::now() + patience_for_return;
    const auto name = rabbitmq::dead_letter_queue(queue_->name());
    while (std::chrono::steady_clock::now() < until) {
      const auto ready = co_await topology.ready(name);
      if (ready >= left_) co_return;
      const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds{5};
      co_await queue_->dead_letters_free.wait_until(soon);
    }
  }

 private:
  void take_in(std::vector<amqp::ReceivedMessage> messages) {
    for (const auto& message : messages) {
      auto queued = rabbitmq::read_message(message);
      const auto death = rabbitmq::read_death(message);
      if (!queued) queued = not_an_event(message);
      resting_.push_back({message.delivery_tag,
                          {queued->event, death.reason, death.attempts, death.first_failed_at, death.last_failed_at}});
    }
    queue_->dead_letters_free.notify_all();
  }

  /// Shown with its body as a text, so that nothing that rests there is hidden.
  static rabbitmq::QueuedEvent not_an_event(const amqp::ReceivedMessage& message) {
    auto event = std::make_shared<Event>();
    event->event_id = message.properties.message_id.empty() ? "unknown" : message.properties.message_id;
    event->event_type = "malformed";
    event->correlation_id = event->event_id;
    event->routing_key = message.routing_key;
    return {.event = {.position = 0, .stored_at = {}, .event = std::move(event)}, .trials = {}};
  }

  LiveQueuePtr queue_;
  amqp::Connection& connection_;
  std::shared_ptr<amqp::Consumer> consumer_;
  std::vector<Resting> resting_;
  std::size_t left_ = 0;  ///< Not acknowledged.
  bool mine_;
};

/// Those that are asked for; an id that rests there twice counts once for each.
std::vector<Resting> selected(const std::vector<Resting>& resting, const DeadLetterSelection& selection) {
  const std::set<std::string_view> ids(selection.event_ids.begin(), selection.event_ids.end());
  std::vector<Resting> chosen;
  std::ranges::copy_if(resting, std::back_inserter(chosen), [&](const Resting& one) {
    return selection.all || ids.contains(one.letter.event.event->event_id) ||
           (!selection.reason.empty() && one.letter.reason == selection.reason);
  });
  return chosen;
}

/// Dead letters on their way out of their queue, some at a time.
struct Clearing {
  Clearing(const LiveQueuePtr& of, amqp::Connection& connection, bool is_limited)
      : queue(of), browsing(of, connection), limited(is_limited) {}

  /// The places of so many are kept from publishers until `places` is reset.
  void reserve(std::size_t count) { places = delivery::reserve({queue->limited()}, limited ? count : 0); }
  /// How many go next: at most so many, and where no places are reserved yet, what the queue has room for.
  std::size_t next(std::size_t most) {
    auto count = std::min(most, letters.size());
    if (places || !limited) return count;
    count = std::min<std::uint64_t>(count, queue->room());
    reserve(count);
    return count;
  }
  std::vector<amqp::Message> messages(std::size_t count) const {
    std::vector<amqp::Message> all;
    all.reserve(count);
    for (const auto& one : std::span(letters).first(count))
      all.push_back(rabbitmq::direct_message(one.letter.event, queue->name(), {}));
    return all;
  }
  /// The next so many, once they are where they go.
  asio::awaitable<void> acknowledge(std::size_t count, amqp::Deadline deadline) {
    std::vector<amqp::DeliveryTag> tags;
    for (const auto& letter : std::span(letters).first(count)) tags.push_back(letter.tag);
    letters.erase(letters.begin(), letters.begin() + static_cast<std::ptrdiff_t>(count));
    queue->counts.dead_letters -= std::min<std::uint64_t>(queue->counts.dead_letters, count);
    if (!tags.empty()) co_await browsing.acknowledge(std::move(tags), deadline);
  }

  LiveQueuePtr queue;
  Browsing browsing;
  bool limited;
  std::vector<Resting> letters = {};
  std::unique_ptr<Admission> places = nullptr;
};

}  // namespace

/// They lie in RabbitMQ: what became of the log since changes none of them.
asio::awaitable<Result<DeadLetterPage>> RabbitMqBroker::dead_letters(std::string name, LogPlace after,
                                                                     std::size_t limit) {
  auto& parts = *parts_;
  const auto queue = co_await parts.find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  Browsing browsing(queue, parts.consuming);
  co_await browsing.collect(parts.topology, std::chrono::steady_clock::now() + parts.settings.timeout);
  DeadLetterPage page;
  for (auto& one : browsing.letters()) {
    if (one.letter.event.position <= after.position && after.position > 0) continue;
    if (page.dead_letters.size() == limit) {
      page.next = page.dead_letters.back().event.place();
      break;
    }
    page.dead_letters.push_back(std::move(one.letter));
  }
  co_await browsing.put_back(parts.topology);
  co_return page;
}

/// With a rate the work goes on after the return.
asio::awaitable<RedriveOutcome> RabbitMqBroker::Parts::clear_dead_letters(LiveQueuePtr queue,
                                                                          DeadLetterSelection selection,
                                                                          std::uint32_t events_per_second, bool dry_run,
                                                                          bool redrive) {
  const bool limited = redrive && delivery::refuses(queue->record.definition);
  auto clearing = std::make_shared<Clearing>(queue, consuming, limited);
  co_await clearing->browsing.collect(topology, std::chrono::steady_clock::now() + settings.timeout);
  clearing->letters = selected(clearing->browsing.letters(), selection);
  RedriveOutcome outcome{clearing->letters.size(), clearing->letters.size()};
  if (limited) {
    co_await count(queue);
    outcome.redriven = std::min(outcome.matched, queue->room());
    clearing->letters.resize(outcome.redriven);
  }
  if (dry_run || outcome.redriven == 0) {
    co_await clearing->browsing.put_back(topology);
    co_return outcome;
  }
  const bool paced = events_per_second > 0;
  const auto step = paced ? std::max<std::size_t>(events_per_second / steps_a_second, 1) : outcome.redriven;
  const auto pause = std::chrono::milliseconds(1000 * step / std::max<std::uint32_t>(events_per_second, 1));
  if (!paced) clearing->reserve(step);
  const auto work = [](Parts& parts, std::shared_ptr<Clearing> all, std::size_t most, std::chrono::milliseconds rest,
                       bool again) -> asio::awaitable<void> {
    auto& target = all->queue;
    while (!all->letters.empty() && !target->removed && !parts.stopped) {
      const auto count = all->next(most);
      auto messages = again ? all->messages(count) : std::vector<amqp::Message>{};
      if (!messages.empty()) co_await parts.publisher.publish_direct(std::move(messages));
      co_await all->acknowledge(count, std::chrono::steady_clock::now() + parts.settings.timeout);
      if (all->limited) co_await parts.count(target);
      all->places.reset();
      if (!all->letters.empty()) co_await parts.changed.wait_until(std::chrono::steady_clock::now() + rest);
    }
    co_await all->browsing.put_back(parts.topology);
  };
  auto going = work(*this, std::move(clearing), step, pause, redrive);
  if (paced) {
    background.spawn("dead letters", in_background(std::move(going)));
  } else {
    co_await std::move(going);
  }
  co_return outcome;
}

asio::awaitable<Result<RedriveOutcome>> RabbitMqBroker::redrive(std::string name, DeadLetterSelection selection,
                                                                std::uint32_t events_per_second, bool dry_run) {
  const auto queue = co_await parts_->find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  co_return co_await parts_->clear_dead_letters(queue, std::move(selection), events_per_second, dry_run, true);
}

asio::awaitable<Result<std::uint64_t>> RabbitMqBroker::delete_dead_letters(std::string name,
                                                                           DeadLetterSelection selection,
                                                                           std::uint32_t events_per_second,
                                                                           bool dry_run) {
  const auto queue = co_await parts_->find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  const auto outcome =
      co_await parts_->clear_dead_letters(queue, std::move(selection), events_per_second, dry_run, false);
  co_return outcome.matched;
}

}  // namespace eventbus
