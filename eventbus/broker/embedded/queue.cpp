#include "eventbus/broker/embedded/queue.hpp"

#include "eventbus/broker/embedded/queue_filler.hpp"

namespace eventbus::embedded {

Queue::Queue(const Foundation& foundation_of, delivery::Surroundings surroundings, const StoredQueue& stored,
             CursorLimits limits, std::size_t most_outstanding)
    : foundation(foundation_of),
      declared_at(stored.declared_at),
      declared_time(std::min(stored.declared_time, surroundings.clock())),
      history(stored.epochs, stored.declared_at, stored.definition.start_from),
      cursor(limits),
      served(surroundings, *this, cursor, stored.id, stored.definition, most_outstanding),
      filled(surroundings.executor) {
  served.set_paused(stored.paused);
  served.set_dead_letters(stored.dead_letters);
}

void Queue::restore(QueueProgress progress, const std::vector<OutstandingRow>& rows, Timestamp now) {
  served.state().restore(cursor.restore(std::move(progress), now), rows, now);
}

bool Queue::fill() {
  return foundation.filler.fill(pointer());
}

std::uint64_t Queue::purge() {
  auto& state = served.state();
  if (state.purging()) return 0;
  const auto gone = state.length();
  cursor.purge(foundation.head);
  state.purge();
  return gone;
}

asio::awaitable<void> Queue::reach(Position position, std::chrono::steady_clock::time_point deadline) {
  const auto& head = foundation.head;
  if (position <= cursor.frontier(head)) co_return;
  for (bool waiting = true; waiting;) {
    cursor.stretch();
    foundation.filler.fill(pointer());
    waiting = position > cursor.frontier(head) && filling;
    if (waiting) waiting = co_await filled.wait_until(deadline);
  }
  cursor.widen();
}

asio::awaitable<std::vector<StoredEvent>> Queue::events_of(std::span<const delivery::Leased> leased) {
  std::vector<StoredEvent> events(leased.size());
  std::vector<Position> missing;
  for (std::size_t index = 0; index < leased.size(); ++index) {
    const auto position = leased[index].event.position;
    if (const auto* event = foundation.cache.find(position)) {
      events[index] = *event;
    } else {
      missing.push_back(position);
    }
  }
  if (missing.empty()) co_return events;
  auto [found, asked] = co_await foundation.store.read_at(std::move(missing));
  auto next = found.begin();
  for (std::size_t index = 0; index < leased.size(); ++index) {
    if (events[index].event) continue;
    if (asked-- == 0) {
      events.resize(index);
      break;
    }
    if (next != found.end() && next->position == leased[index].event.position) events[index] = std::move(*next++);
  }
  co_return events;
}

asio::awaitable<void> Queue::commit(delivery::Settlement& settlement) {
  QueueCommit commit;
  static_cast<delivery::Settlement&>(commit) = std::move(settlement);
  cursor.compose(commit, foundation.head);
  std::exception_ptr failure;
  try {
    co_await foundation.storage.commit(served.id(), commit);
    cursor.finish(commit);
  } catch (const Unavailable&) {
    failure = std::current_exception();
    cursor.abort(commit);
  }
  settlement = std::move(commit);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace eventbus::embedded
