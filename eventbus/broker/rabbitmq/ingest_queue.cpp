#include "eventbus/broker/rabbitmq/ingest_queue.hpp"

#include <algorithm>
#include <utility>

#include "eventbus/broker/rabbitmq/event_message.hpp"
#include "eventbus/broker/rabbitmq/names.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::rabbitmq {
namespace {

using Clock = std::chrono::steady_clock;

/// Messages in our hands: two rounds of the ingest, so that the next one is here when one is stored.
constexpr std::uint16_t prefetch = 400;

}  // namespace

IngestQueue::IngestQueue(const asio::any_io_executor& loop, amqp::Connection& consuming, Topology& topology,
                         EventPublisher& publisher, DeliversFrom delivers_from, Settings settings)
    : consuming_(consuming),
      topology_(topology),
      publisher_(publisher),
      delivers_from_(std::move(delivers_from)),
      settings_(std::move(settings)),
      arrived_(loop) {}

void IngestQueue::stop() {
  stopped_ = true;
  arrived_.notify_all();
}

void IngestQueue::close() {
  if (consumer_) consumer_->cancel();
  consumer_.reset();
  messages_.clear();
  waiting_.clear();
}

asio::awaitable<void> IngestQueue::ensure() {
  if (ready_) co_return;
  const bool delivered_from = co_await delivers_from_(settings_.name);
  if (delivered_from)
    throw Unavailable("ingesting from queue '" + settings_.name + "'",
                      "the service delivers from it, so its events are stored already; name another queue in "
                      "EVENTBUS_INGEST_QUEUE, or delete this one");
  rejects_ = co_await topology_.ensure_ingest_queue(settings_.name);
  ready_ = true;
}

void IngestQueue::consume() {
  if (consumer_) return;
  amqp::ConsumerHandler handler;
  handler.on_messages = [this](std::vector<amqp::ReceivedMessage> messages) {
    for (auto& message : messages) {
      waiting_.push_back(++last_number_);
      messages_.emplace(last_number_, std::move(message));
    }
    arrived_.notify_all();
  };
  handler.on_lost = [this] {
    messages_.clear();
    waiting_.clear();
  };
  handler.on_trouble = [this](std::string trouble) {
    log_warning("an ingest queue can't be consumed for now; it is tried again",
                {{"queue", std::string_view(settings_.name)}, {"error", std::string_view(trouble)}});
    ready_ = false;
    arrived_.notify_all();
  };
  consumer_ = consuming_.consume(settings_.name, prefetch, std::move(handler));
}

asio::awaitable<std::vector<OfferedEvent>> IngestQueue::receive(std::size_t max, Clock::time_point deadline) {
  while (waiting_.empty() && !stopped_ && Clock::now() < deadline) {
    co_await ensure();
    consume();
    if (waiting_.empty() && !stopped_) co_await arrived_.wait_until(deadline);
  }
  std::vector<OfferedEvent> offers;
  while (!waiting_.empty() && offers.size() < max && !stopped_) {
    const auto number = waiting_.front();
    waiting_.pop_front();
    offers.push_back({number, read_publish_request(messages_.at(number), settings_.max_event_bytes)});
  }
  co_return offers;
}

asio::awaitable<void> IngestQueue::settle(std::vector<std::uint64_t> numbers, amqp::Settlement settlement) {
  std::vector<amqp::DeliveryTag> tags;
  for (const auto number : numbers) {
    if (const auto place = messages_.find(number); place != messages_.end()) tags.push_back(place->second.delivery_tag);
  }
  if (!tags.empty()) co_await consumer_->settle(std::move(tags), settlement);
  for (const auto number : numbers) messages_.erase(number);
}

asio::awaitable<void> IngestQueue::accept(std::vector<std::uint64_t> numbers) {
  return settle(std::move(numbers), amqp::Settlement::ack);
}

/// A copy that says why is confirmed before the original is acknowledged. RabbitMQ itself moves what is too large to be
/// copied, where the queue says so; else it stays where it is.
asio::awaitable<void> IngestQueue::refuse(std::vector<RefusedOffer> offers) {
  co_await ensure();
  std::vector<amqp::Message> copies;
  std::vector<std::uint64_t> copied;
  std::vector<std::uint64_t> too_large;
  for (const auto& [number, reason] : offers) {
    const auto place = messages_.find(number);
    if (place == messages_.end()) continue;
    if (place->second.too_large()) {
      too_large.push_back(number);
      continue;
    }
    copies.push_back(unreadable_dead_letter(place->second, settings_.name, reason));
    copied.push_back(number);
  }
  try {
    co_await publisher_.publish_direct(std::move(copies));
  } catch (const Unavailable&) {
    ready_ = false;  // perhaps the dead-letter queue is gone
    throw;
  }
  co_await settle(std::move(copied), amqp::Settlement::ack);
  if (rejects_) {
    co_await settle(std::move(too_large), amqp::Settlement::reject);
  } else if (!too_large.empty()) {
    log_error(
        "messages of an ingest queue are too large to be events and stay in it, because it has no dead letters of "
        "ours; take them out, or raise EVENTBUS_MAX_EVENT_BYTES",
        {{"queue", std::string_view(settings_.name)}, {"messages", static_cast<std::int64_t>(too_large.size())}});
  }
}

}  // namespace eventbus::rabbitmq
