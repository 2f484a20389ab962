#include <algorithm>

#include "eventbus/http/test_broker.hpp"

namespace eventbus {

Result<TestBroker::Queue*> TestBroker::find(std::string_view name) {
  const auto found = queues_.find(name);
  if (found == queues_.end()) return fail(ErrorCode::unknown_queue, "no queue has this name");
  return &found->second;
}

void TestBroker::take(std::span<const StoredEvent> events) {
  for (auto& [name, queue] : queues_) {
    for (const auto& event : events) {
      const auto binds = [&event](const Binding& binding) {
        return topic_matches(binding.routing_key, event.event->routing_key);
      };
      if (std::ranges::any_of(queue.info.definition.bindings, binds)) queue.ready.push_back(event);
    }
  }
  arrived_.notify_all();
}

asio::awaitable<Result<DeclareOutcome>> TestBroker::declare(QueueDefinition definition) {
  const auto [place, created] = queues_.try_emplace(definition.name);
  const bool same = place->second.info.definition == definition;
  place->second.info.definition = std::move(definition);
  if (created) co_return DeclareOutcome::created;
  co_return same ? DeclareOutcome::unchanged : DeclareOutcome::updated;
}

asio::awaitable<Result<void>> TestBroker::remove(std::string queue) {
  auto found = find(queue);
  if (!found) co_return std::unexpected(found.error());
  queues_.erase(queue);
  co_return Result<void>{};
}

asio::awaitable<Result<std::uint64_t>> TestBroker::purge(std::string queue) {
  auto found = find(queue);
  if (!found) co_return std::unexpected(found.error());
  const std::uint64_t purged = (*found)->ready.size();
  (*found)->ready.clear();
  co_return purged;
}

asio::awaitable<Result<void>> TestBroker::set_paused(std::string queue, bool paused) {
  auto found = find(queue);
  if (!found) co_return std::unexpected(found.error());
  (*found)->info.paused = paused;
  co_return Result<void>{};
}

QueueInfo TestBroker::describe(const Queue& queue) {
  auto info = queue.info;
  info.ready = queue.ready.size();
  info.in_flight = queue.in_flight.size();
  info.dead_letters = queue.dead.size();
  if (!queue.ready.empty()) info.oldest_since = queue.ready.front().stored_at;
  return info;
}

std::vector<QueueInfo> TestBroker::last_known() {
  std::vector<QueueInfo> infos;
  infos.reserve(queues_.size());
  for (const auto& [name, queue] : queues_) infos.push_back(describe(queue));
  return infos;
}

asio::awaitable<std::vector<QueueInfo>> TestBroker::list() {
  co_return last_known();
}

asio::awaitable<Result<QueueInfo>> TestBroker::info(std::string queue) {
  auto found = find(queue);
  if (!found) co_return std::unexpected(found.error());
  co_return describe(**found);
}

asio::awaitable<Result<std::vector<Delivery>>> TestBroker::receive(std::string queue, Credit credit,
                                                                   std::chrono::steady_clock::time_point deadline) {
  auto found = find(queue);
  if (!found) co_return std::unexpected(found.error());
  auto& [info, ready, in_flight, dead] = **found;
  ++info.consumers;
  bool waiting = true;
  while (ready.empty() && waiting) waiting = co_await arrived_.wait_until(deadline);
  --info.consumers;
  std::vector<Delivery> deliveries;
  while (!ready.empty() && credit.pay(ready.front())) {
    auto& delivery = deliveries.emplace_back();
    delivery.delivery_id = "d-" + std::to_string(++deliveries_);
    delivery.event = std::move(ready.front());
    ready.pop_front();
    in_flight[delivery.delivery_id] = delivery.event;
  }
  co_return deliveries;
}

Result<Settled> TestBroker::settle(std::string_view name, const std::vector<std::string>& delivery_ids,
                                   const NackOptions* nack) {
  auto found = find(name);
  if (!found) return std::unexpected(found.error());
  Settled settled;
  for (const auto& id : delivery_ids) {
    const auto delivery = (*found)->in_flight.find(id);
    if (delivery == (*found)->in_flight.end()) {
      settled.unknown.push_back(id);
      continue;
    }
    ++settled.settled;
    if (nack != nullptr && nack->requeue) (*found)->ready.push_back(delivery->second);
    if (nack != nullptr && !nack->requeue) {
      const auto reason = nack->reason.empty() ? "rejected" : nack->reason;
      (*found)->dead.push_back({.event = delivery->second, .reason = reason, .attempts = 1});
    }
    (*found)->in_flight.erase(delivery);
  }
  return settled;
}

asio::awaitable<Result<Settled>> TestBroker::ack(std::string queue, std::vector<std::string> delivery_ids) {
  co_return settle(queue, delivery_ids, nullptr);
}

asio::awaitable<Result<Settled>> TestBroker::nack(std::string queue, std::vector<std::string> delivery_ids,
                                                  NackOptions options) {
  co_return settle(queue, delivery_ids, &options);
}

asio::awaitable<Result<Settled>> TestBroker::extend(std::string queue, std::vector<std::string> delivery_ids,
                                                    std::chrono::milliseconds) {
  auto found = find(queue);
  if (!found) co_return std::unexpected(found.error());
  Settled settled;
  for (auto& id : delivery_ids) {
    if ((*found)->in_flight.contains(id)) {
      ++settled.settled;
    } else {
      settled.unknown.push_back(std::move(id));
    }
  }
  co_return settled;
}

void TestBroker::give_back(std::string_view queue, std::span<const std::string> delivery_ids) {
  auto found = find(queue);
  if (!found) return;
  for (const auto& id : delivery_ids) {
    const auto delivery = (*found)->in_flight.find(id);
    if (delivery == (*found)->in_flight.end()) continue;
    (*found)->ready.push_front(delivery->second);
    (*found)->in_flight.erase(delivery);
    ++given_back_;
  }
  arrived_.notify_all();
}

asio::awaitable<Result<DeadLetterPage>> TestBroker::dead_letters(std::string queue, DeadLetterCursor after,
                                                                 std::size_t limit) {
  auto found = find(queue);
  if (!found) co_return std::unexpected(found.error());
  DeadLetterPage page;
  for (const auto& letter : (*found)->dead) {
    if (letter.event.position <= after.place.position) continue;
    if (page.dead_letters.size() == limit) {
      page.next = DeadLetterCursor{page.dead_letters.back().event.place()};
      break;
    }
    page.dead_letters.push_back(letter);
  }
  co_return page;
}

Result<std::uint64_t> TestBroker::select(std::string_view name, const DeadLetterSelection& selection, bool dry_run,
                                         bool again) {
  auto found = find(name);
  if (!found) return std::unexpected(found.error());
  auto& [info, ready, in_flight, dead] = **found;
  const auto chosen = [&selection](const DeadLetter& letter) {
    return selection.all || letter.reason == selection.reason ||
           std::ranges::find(selection.event_ids, letter.event.event->event_id) != selection.event_ids.end();
  };
  const auto matched = static_cast<std::uint64_t>(std::ranges::count_if(dead, chosen));
  if (dry_run) return matched;
  for (const auto& letter : dead) {
    if (again && chosen(letter)) ready.push_back(letter.event);
  }
  std::erase_if(dead, chosen);
  return matched;
}

asio::awaitable<Result<RedriveOutcome>> TestBroker::redrive(std::string queue, DeadLetterSelection selection,
                                                            std::uint32_t, bool dry_run) {
  const auto matched = select(queue, selection, dry_run, true);
  if (!matched) co_return std::unexpected(matched.error());
  co_return RedriveOutcome{*matched, *matched};
}

asio::awaitable<Result<std::uint64_t>> TestBroker::delete_dead_letters(std::string queue, DeadLetterSelection selection,
                                                                       std::uint32_t, bool dry_run) {
  co_return select(queue, selection, dry_run, false);
}

}  // namespace eventbus
