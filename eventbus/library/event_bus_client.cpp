#include "eventbus/library/event_bus_client.hpp"

#include <utility>

#include "eventbus/library/event_check.hpp"
#include "eventbus/library/http_api.hpp"
#include "eventbus/library/service_calls.hpp"

namespace eventbus {
namespace {

constexpr std::size_t events_a_page = 500;

using Results = std::vector<Result<bool>>;

Error not_alone() {
  return {ErrorCode::invalid, "nothing was sent: another event of this atomic batch is invalid", {}};
}

/// What became of the batch already: all of it when nothing is left to be sent.
std::optional<Results> decided(CheckedBatch& batch, bool atomic) {
  if (batch.events.empty()) return std::move(batch.results);
  const bool broken = atomic && batch.events.size() < batch.results.size();
  if (!broken) return std::nullopt;
  const Results none(batch.events.size(), std::unexpected(not_alone()));
  return std::move(batch).with(none);
}

Results fates_of(CheckedBatch batch, const Result<Results>& answered) {
  if (answered) return std::move(batch).with(*answered);
  const Results none(batch.events.size(), std::unexpected(answered.error()));
  return std::move(batch).with(none);
}

/// As many events as an answer can hold.
asio::awaitable<Result<EventReplay::Page>> page_of(HttpApi& api, ReplayFilter filter, std::string cursor) {
  for (auto limit = events_a_page;; limit /= 2) {
    auto reading = api.async_perform(calls::replay(filter, cursor, limit));
    auto page = co_await std::move(reading);
    const bool too_large = !page && page.error().code == ErrorCode::too_large;
    if (!too_large || limit == 1) co_return page;
  }
}

}  // namespace

EventBusClient::EventBusClient(std::string base_url, std::size_t connections, std::chrono::milliseconds timeout)
    : api_(std::make_unique<HttpApi>(base_url, connections, timeout)) {}
EventBusClient::~EventBusClient() = default;

Result<bool> EventBusClient::publish(Event event) {
  return api_->perform(calls::publish(std::move(event)));
}
asio::awaitable<Result<bool>> EventBusClient::async_publish(Event event) {
  return api_->async_perform(calls::publish(std::move(event)));
}

std::vector<Result<bool>> EventBusClient::publish_batch(std::vector<Event> events, bool atomic) {
  auto batch = check_batch(std::move(events));
  if (auto results = decided(batch, atomic)) return std::move(*results);
  auto call = calls::publish_batch(batch.events, atomic);
  return fates_of(std::move(batch), api_->perform(std::move(call)));
}
asio::awaitable<std::vector<Result<bool>>> EventBusClient::async_publish_batch(std::vector<Event> events, bool atomic) {
  auto batch = check_batch(std::move(events));
  if (auto results = decided(batch, atomic)) co_return std::move(*results);
  auto publishing = api_->async_perform(calls::publish_batch(batch.events, atomic));
  const auto answered = co_await std::move(publishing);
  co_return fates_of(std::move(batch), answered);
}

EventReplay EventBusClient::replay(ReplayFilter filter) {
  auto* api = api_.get();
  return {[api, filter = std::move(filter)](std::string cursor) { return page_of(*api, filter, std::move(cursor)); },
          [api](asio::awaitable<Result<EventReplay::Page>> page) { return api->wait(std::move(page)); }};
}

Result<std::optional<StoredEvent>> EventBusClient::get_event(std::string event_id) {
  return api_->perform(calls::get_event(event_id));
}
asio::awaitable<Result<std::optional<StoredEvent>>> EventBusClient::async_get_event(std::string event_id) {
  return api_->async_perform(calls::get_event(event_id));
}

Result<bool> EventBusClient::declare_queue(QueueDefinition queue) {
  return api_->perform(calls::declare_queue(queue));
}
asio::awaitable<Result<bool>> EventBusClient::async_declare_queue(QueueDefinition queue) {
  return api_->async_perform(calls::declare_queue(queue));
}

Result<std::vector<QueueState>> EventBusClient::list_queues() {
  return api_->perform(calls::list_queues());
}
asio::awaitable<Result<std::vector<QueueState>>> EventBusClient::async_list_queues() {
  return api_->async_perform(calls::list_queues());
}

Result<QueueState> EventBusClient::get_queue(std::string queue) {
  return api_->perform(calls::get_queue(queue));
}
asio::awaitable<Result<QueueState>> EventBusClient::async_get_queue(std::string queue) {
  return api_->async_perform(calls::get_queue(queue));
}

Result<void> EventBusClient::delete_queue(std::string queue) {
  return api_->perform(calls::delete_queue(queue));
}
asio::awaitable<Result<void>> EventBusClient::async_delete_queue(std::string queue) {
  return api_->async_perform(calls::delete_queue(queue));
}

Result<std::uint64_t> EventBusClient::purge(std::string queue) {
  return api_->perform(calls::purge(queue));
}
asio::awaitable<Result<std::uint64_t>> EventBusClient::async_purge(std::string queue) {
  return api_->async_perform(calls::purge(queue));
}

Result<void> EventBusClient::pause(std::string queue) {
  return api_->perform(calls::pause(queue));
}
asio::awaitable<Result<void>> EventBusClient::async_pause(std::string queue) {
  return api_->async_perform(calls::pause(queue));
}

Result<void> EventBusClient::resume(std::string queue) {
  return api_->perform(calls::resume(queue));
}
asio::awaitable<Result<void>> EventBusClient::async_resume(std::string queue) {
  return api_->async_perform(calls::resume(queue));
}

Result<std::vector<ClientDelivery>> EventBusClient::receive(std::string queue, std::size_t max,
                                                            std::chrono::milliseconds wait) {
  return api_->perform(calls::receive(queue, max, wait));
}
asio::awaitable<Result<std::vector<ClientDelivery>>> EventBusClient::async_receive(std::string queue, std::size_t max,
                                                                                   std::chrono::milliseconds wait) {
  return api_->async_perform(calls::receive(queue, max, wait));
}

Result<Settled> EventBusClient::ack(std::string queue, std::vector<std::string> delivery_ids) {
  return api_->perform(calls::ack(queue, delivery_ids));
}
asio::awaitable<Result<Settled>> EventBusClient::async_ack(std::string queue, std::vector<std::string> delivery_ids) {
  return api_->async_perform(calls::ack(queue, delivery_ids));
}

Result<Settled> EventBusClient::nack(std::string queue, std::vector<std::string> delivery_ids, bool requeue,
                                     std::string reason, std::optional<std::chrono::milliseconds> delay) {
  return api_->perform(calls::nack(queue, delivery_ids, requeue, reason, delay));
}
asio::awaitable<Result<Settled>> EventBusClient::async_nack(std::string queue, std::vector<std::string> delivery_ids,
                                                            bool requeue, std::string reason,
                                                            std::optional<std::chrono::milliseconds> delay) {
  return api_->async_perform(calls::nack(queue, delivery_ids, requeue, reason, delay));
}

Result<Settled> EventBusClient::extend(std::string queue, std::vector<std::string> delivery_ids,
                                       std::chrono::milliseconds lease) {
  return api_->perform(calls::extend(queue, delivery_ids, lease));
}
asio::awaitable<Result<Settled>> EventBusClient::async_extend(std::string queue, std::vector<std::string> delivery_ids,
                                                              std::chrono::milliseconds lease) {
  return api_->async_perform(calls::extend(queue, delivery_ids, lease));
}

Result<DeadLetterPage> EventBusClient::list_dead_letters(std::string queue, std::size_t limit, std::string cursor) {
  return api_->perform(calls::list_dead_letters(queue, limit, cursor));
}
asio::awaitable<Result<DeadLetterPage>> EventBusClient::async_list_dead_letters(std::string queue, std::size_t limit,
                                                                                std::string cursor) {
  return api_->async_perform(calls::list_dead_letters(queue, limit, cursor));
}

Result<Redriven> EventBusClient::redrive_dead_letters(std::string queue, DeadLetterChoice choice) {
  return api_->perform(calls::redrive_dead_letters(queue, choice));
}
asio::awaitable<Result<Redriven>> EventBusClient::async_redrive_dead_letters(std::string queue,
                                                                             DeadLetterChoice choice) {
  return api_->async_perform(calls::redrive_dead_letters(queue, choice));
}

Result<std::uint64_t> EventBusClient::delete_dead_letters(std::string queue, DeadLetterChoice choice) {
  return api_->perform(calls::delete_dead_letters(queue, choice));
}
asio::awaitable<Result<std::uint64_t>> EventBusClient::async_delete_dead_letters(std::string queue,
                                                                                 DeadLetterChoice choice) {
  return api_->async_perform(calls::delete_dead_letters(queue, choice));
}

Result<bool> EventBusClient::check_health() {
  return api_->perform(calls::check_health());
}
asio::awaitable<Result<bool>> EventBusClient::async_check_health() {
  return api_->async_perform(calls::check_health());
}

Result<bool> EventBusClient::ready() {
  return api_->perform(calls::ready());
}
asio::awaitable<Result<bool>> EventBusClient::async_ready() {
  return api_->async_perform(calls::ready());
}

}  // namespace eventbus
