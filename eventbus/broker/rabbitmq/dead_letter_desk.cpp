// Dead letters: looked at, tried again, deleted. They rest in the database, so looking changes nothing.
#include <fmt/format.h>

#include <algorithm>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"
#include "eventbus/delivery/unknown_queue.hpp"
#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

using rabbitmq::DeadLetterStore;
using rabbitmq::LiveQueuePtr;

namespace {

constexpr unsigned steps_a_second = 10;
constexpr std::chrono::seconds patience_for_intake{2};

std::vector<std::int64_t> numbers_of(const std::vector<rabbitmq::RestingMessage>& messages) {
  std::vector<std::int64_t> numbers;
  numbers.reserve(messages.size());
  for (const auto& message : messages) numbers.push_back(message.number);
  return numbers;
}

}  // namespace

/// Dead letters on their way out, some at a time.
struct RabbitMqBroker::Parts::Clearing {
  LiveQueuePtr queue;
  DeadLetterSelection selection;
  std::int64_t newest = 0;  ///< Later ones stay.
  std::uint64_t left = 0;   ///< So many more go.
  std::uint64_t moved = 0;  ///< So many went.
  bool redrive = false;     ///< Back into the queue.
  bool limited = false;     ///< Which refuses what is too much.
  std::size_t at_once = DeadLetterStore::most_at_once;
  std::chrono::milliseconds rest{0};
  std::unique_ptr<Admission> places = nullptr;

  /// The places of so many are kept from publishers until `places` is reset.
  void reserve(std::uint64_t count) { places = delivery::reserve({queue->limited()}, limited ? count : 0); }
  /// How many go next: where no places are reserved yet, no more than the queue has room for.
  std::size_t next() {
    auto count = std::min<std::uint64_t>(at_once, left);
    if (places || !limited) return count;
    count = std::min(count, queue->room());
    reserve(count);
    return count;
  }
  void note(std::uint64_t count) {
    moved += count;
    left -= std::min(left, count);
    queue->dead_letters -= std::min(queue->dead_letters, count);
  }
};

asio::awaitable<Result<DeadLetterPage>> RabbitMqBroker::dead_letters(std::string name, DeadLetterCursor after,
                                                                     std::size_t limit) {
  auto& parts = *parts_;
  const auto queue = co_await parts.find(name);
  if (!queue) co_return delivery::unknown_queue(name);
  co_await parts.until_taken_in(queue);
  auto found = co_await parts.letters.page(queue->record.id, after.place.position, after.number, limit);
  DeadLetterPage page;
  if (found.more) {
    const auto& last = found.messages.back();
    page.next = DeadLetterCursor{{last.position, 0}, last.number};
  }
  for (auto& message : found.messages) page.dead_letters.push_back(rabbitmq::shown(std::move(message)));
  co_return page;
}

asio::awaitable<void> RabbitMqBroker::Parts::count_dead_letters() {
  const auto counts = co_await letters.counts();
  for (const auto& [name, queue] : queues) {
    const auto place = counts.find(queue->record.id);
    queue->dead_letters = place == counts.end() ? 0 : place->second;
  }
}

std::string RabbitMqBroker::Parts::unique_name(amqp::DeliveryTag tag) const {
  return fmt::format("#{:x}:{:x}:{:x}", instance, tag.generation, tag.number);
}

asio::awaitable<std::uint64_t> RabbitMqBroker::Parts::add_dead_letters(LiveQueuePtr queue,
                                                                       std::vector<rabbitmq::RestingMessage> messages) {
  try {
    co_return co_await letters.add(queue->record.id, std::move(messages));
  } catch (const Unavailable&) {
    revision = 0;  // its queue may be another one now
    throw;
  }
}

/// What AMQP clients have rejected is among the others soon; nobody waits long for it.
asio::awaitable<void> RabbitMqBroker::Parts::until_taken_in(LiveQueuePtr queue) {
  begin_to_take_in(queue);
  const auto until = std::chrono::steady_clock::now() + patience_for_intake;
  while (queue->taking_in && !stopped && connected() && std::chrono::steady_clock::now() < until)
    co_await queue->taken_in.wait_until(until);
}

/// With a rate the work goes on after the return.
asio::awaitable<RedriveOutcome> RabbitMqBroker::Parts::clear_dead_letters(LiveQueuePtr queue,
                                                                          DeadLetterSelection selection,
                                                                          std::uint32_t events_per_second, bool dry_run,
                                                                          bool redrive) {
  co_await until_taken_in(queue);
  const auto matched = co_await letters.matched(queue->record.id, selection);
  RedriveOutcome outcome{matched.count, matched.count};
  const bool limited = redrive && delivery::refuses(queue->record.definition);
  if (limited) {
    co_await count(queue);
    outcome.redriven = std::min(outcome.matched, queue->room());
  }
  if (dry_run || outcome.redriven == 0) co_return outcome;
  auto clearing = std::make_shared<Clearing>(Clearing{.queue = queue,
                                                      .selection = std::move(selection),
                                                      .newest = matched.newest,
                                                      .left = outcome.redriven,
                                                      .redrive = redrive,
                                                      .limited = limited});
  if (events_per_second > 0) {
    clearing->at_once = std::clamp<std::size_t>(events_per_second / steps_a_second, 1, clearing->at_once);
    clearing->rest = std::chrono::milliseconds(1000 * clearing->at_once / events_per_second);
    background.spawn("dead letters", clear_in_background(std::move(clearing)));
    co_return outcome;
  }
  clearing->reserve(clearing->left);
  while (clearing->left > 0 && !queue->removed && !stopped) {
    const bool more = co_await clear_some(*clearing);
    if (!more) break;
  }
  outcome.redriven = clearing->moved;
  if (!redrive) outcome.matched = clearing->moved;
  co_return outcome;
}

asio::awaitable<void> RabbitMqBroker::Parts::clear_in_background(std::shared_ptr<Clearing> clearing) {
  bool more = true;
  while (more && clearing->left > 0 && !clearing->queue->removed && !stopped) {
    std::chrono::milliseconds rest = clearing->rest;
    try {
      const bool some = co_await clear_some(*clearing);
      if (!some) more = co_await letters.any(clearing->queue->record.id, clearing->selection, clearing->newest);
      if (!some) rest = rest_after_failure;
      if (clearing->limited) co_await count(clearing->queue);
    } catch (const Unavailable& error) {
      log(level_of(error, troubles), "dead letters can't be moved for now; it is tried again",
          {{"queue", std::string_view(clearing->queue->name())}, {"error", std::string_view(error.what())}});
      rest = rest_after_failure;
    }
    clearing->places.reset();
    co_await pause(rest);
  }
}

/// False: there are none, others have them in hand, or the queue is full.
asio::awaitable<bool> RabbitMqBroker::Parts::clear_some(Clearing& clearing) {
  const auto id = clearing.queue->record.id;
  const auto count = clearing.next();
  if (count == 0) co_return false;
  std::uint64_t moved = 0;
  if (clearing.redrive) {
    auto messages = co_await letters.take(id, clearing.selection, clearing.newest, count);
    moved = messages.size();
    if (moved > 0) co_await redrive(clearing.queue, std::move(messages));
  } else {
    moved = co_await letters.remove(id, clearing.selection, clearing.newest, count);
  }
  clearing.note(moved);
  co_return moved > 0;
}

/// They are in the queue before they are dead letters no more.
asio::awaitable<void> RabbitMqBroker::Parts::redrive(LiveQueuePtr queue,
                                                     std::vector<rabbitmq::RestingMessage> resting) {
  auto numbers = numbers_of(resting);
  const auto now = clock();
  std::vector<amqp::Message> messages;
  messages.reserve(resting.size());
  for (auto& one : resting) messages.push_back(rabbitmq::redriven(std::move(one), queue->name(), now));
  std::exception_ptr failure;
  try {
    co_await publisher.publish_direct(std::move(messages));
  } catch (const Unavailable&) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await in_background(letters.put_back(std::move(numbers)));
    std::rethrow_exception(failure);
  }
  crash_point("broker.before_redrive_removal");
  co_await letters.remove(queue->record.id, std::move(numbers));
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
