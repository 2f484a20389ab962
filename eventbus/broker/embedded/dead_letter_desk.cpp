#include "eventbus/broker/embedded/dead_letter_desk.hpp"

#include <algorithm>
#include <limits>

#include "eventbus/core/random_id.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::embedded {
namespace {

constexpr std::size_t moved_at_once = 1000;
constexpr unsigned steps_a_second = 10;
constexpr unsigned entry_bits = 62;
constexpr std::chrono::milliseconds rest_when_full{100};

std::vector<Position> positions_of(const std::vector<DeadLetterRow>& rows) {
  std::vector<Position> positions;
  positions.reserve(rows.size());
  for (const auto& row : rows) positions.push_back(row.position);
  return positions;
}

}  // namespace

asio::awaitable<DeadLetterPage> DeadLetterDesk::page(QueuePtr queue, Position after, std::size_t limit) {
  DeadLetterFilter all;
  auto rows = co_await storage_.dead_letters(queue->id, after, limit + 1, std::move(all));
  DeadLetterPage page;
  if (rows.size() > limit) {
    rows.resize(limit);
    const auto last = rows.empty() ? after : rows.back().position;
    page.next = LogPlace{last, store_.lives().of(last)};
  }
  auto events = co_await store_.read_at(positions_of(rows));
  auto event = events.begin();
  for (auto& row : rows) {
    if (event == events.end() || event->position != row.position) continue;
    page.dead_letters.push_back(
        {std::move(*event), std::move(row.reason), row.attempts, row.first_failed_at, row.last_failed_at});
    ++event;
  }
  co_return page;
}

asio::awaitable<DeadLetterFilter> DeadLetterDesk::resolve(DeadLetterSelection selection) {
  DeadLetterFilter filter;
  filter.reason = selection.reason;
  filter.by_position = !selection.all && selection.reason.empty();
  if (!filter.by_position) co_return filter;
  for (auto& id : selection.event_ids) {
    const auto event = co_await store_.get(std::move(id));
    if (event) filter.positions.push_back(event->position);
  }
  std::ranges::sort(filter.positions);
  const auto repeated = std::ranges::unique(filter.positions);
  filter.positions.erase(repeated.begin(), repeated.end());
  co_return filter;
}

asio::awaitable<std::uint64_t> DeadLetterDesk::move(QueuePtr queue, DeadLetterSelection selection, bool revive,
                                                    std::uint32_t events_per_second, bool dry_run) {
  auto filter = co_await resolve(std::move(selection));
  const auto matched = co_await storage_.count_dead_letters(queue->id, filter);
  if (dry_run || matched == 0) co_return matched;
  Work work{queue, std::move(filter), revive, events_per_second, 0, queue->cursor.persisted_frontier(), clock_()};
  bool more = true;
  while (more && events_per_second == 0 && (!revive || queue->state.entered_again() < most_again_)) {
    more = co_await move_some(work);
  }
  if (more) tasks_.spawn("dead letters move", move_in_background(std::move(work)));
  co_return matched;
}

asio::awaitable<bool> DeadLetterDesk::move_some(Work& work) {
  const auto limit = work.events_per_second == 0
                         ? moved_at_once
                         : std::clamp<std::size_t>(work.events_per_second / steps_a_second, 1, moved_at_once);
  const auto rows = co_await storage_.dead_letters(work.queue->id, work.after, limit, work.filter);
  if (rows.empty()) co_return false;
  std::vector<Position> positions;
  for (const auto& row : rows)
    if (row.position <= work.last && row.last_failed_at <= work.asked_at) positions.push_back(row.position);
  auto& queue = work.queue;
  std::size_t moved = 0;
  if (work.revive) {
    moved = co_await redrive(queue, std::move(positions));
  } else {
    moved = co_await storage_.delete_dead_letters(queue->id, std::move(positions));
  }
  if (queue->removed) co_return false;
  work.after = rows.back().position;
  queue->dead_letters -= std::min<std::uint64_t>(queue->dead_letters, moved);
  if (work.revive) revived_(queue);
  co_return rows.size() == limit&& work.after < work.last;
}

asio::awaitable<std::size_t> DeadLetterDesk::redrive(const QueuePtr& queue, std::vector<Position> positions) {
  auto& state = queue->state;
  std::vector<OutstandingRow> rows;
  for (const auto& stored : co_await store_.read_at(std::move(positions))) {
    const auto key = queue->definition.ordered ? delivery::hash_ordering_key(stored.event->ordering_key) : 0;
    const auto entry = -static_cast<EntryId>(random_id(entry_bits));
    rows.push_back(state.enter_again({stored.position, clock_(), key}, head_, entry));
  }
  rows = co_await storage_.revive(queue->id, std::move(rows));
  if (!queue->removed) state.revive(rows);
  co_return rows.size();
}

asio::awaitable<void> DeadLetterDesk::move_in_background(Work work) {
  using Clock = std::chrono::steady_clock;
  bool more = true;
  while (more && !stopped_ && !work.queue->removed) {
    const auto begun = Clock::now();
    Clock::duration rest{};
    if (work.revive && work.queue->state.entered_again() >= most_again_) {
      rest = rest_when_full;
    } else {
      try {
        more = co_await move_some(work);
        if (work.events_per_second > 0) {
          const auto step = std::clamp<std::size_t>(work.events_per_second / steps_a_second, 1, moved_at_once);
          rest = std::chrono::microseconds{1'000'000 * step / work.events_per_second};
        }
      } catch (const Unavailable& error) {
        log_warning(
            "dead letters could not be moved; it is tried again in a second",
            {{"queue", std::string_view(work.queue->definition.name)}, {"error", std::string_view(error.what())}});
        rest = rest_after_failure;
      }
    }
    if (more && rest.count() > 0) co_await stopping_.wait_until(begun + rest);
  }
}

}  // namespace eventbus::embedded
