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
  auto rows = co_await storage_.dead_letters(queue->served.id(), after, limit + 1, std::move(all));
  const bool more = rows.size() > limit;
  if (more) rows.resize(limit);
  auto [events, asked] = co_await store_.read_at(positions_of(rows));
  DeadLetterPage page;
  if (more || asked < rows.size()) {
    rows.resize(asked);
    const auto last = rows.empty() ? after : rows.back().position;
    page.next = DeadLetterCursor{{last, store_.lives().of(last)}};
  }
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

asio::awaitable<RedriveOutcome> DeadLetterDesk::move(QueuePtr queue, DeadLetterSelection selection, bool revive,
                                                     std::uint32_t events_per_second, bool dry_run) {
  auto filter = co_await resolve(std::move(selection));
  const auto matched = co_await storage_.count_dead_letters(queue->served.id(), filter);
  const RedriveOutcome outcome{matched, revive ? std::min(matched, queue->served.room()) : matched};
  if (dry_run || outcome.redriven == 0) co_return outcome;
  Work work{.queue = queue,
            .filter = std::move(filter),
            .revive = revive,
            .events_per_second = events_per_second,
            .most = outcome.redriven,
            .after = 0,
            .last = queue->cursor.persisted_frontier(),
            .asked_at = clock_()};
  work.at_once = events_per_second == 0;
  reserve(work, work.at_once ? work.most : 0);
  bool more = true;
  while (more && work.at_once && has_room(work)) more = co_await move_some(work);
  work.at_once = false;
  reserve(work, 0);
  if (more) tasks_.spawn("dead letters move", move_in_background(std::move(work)));
  co_return outcome;
}

/// Of one step.
std::uint64_t DeadLetterDesk::most_of(const Work& work) {
  const auto pace = work.events_per_second / steps_a_second;
  return work.events_per_second == 0 ? moved_at_once : std::clamp<std::uint64_t>(pace, 1, moved_at_once);
}

/// What the work may take of it, which is its own included.
std::uint64_t DeadLetterDesk::room(const Work& work) {
  const auto room = work.queue->served.room();
  return work.revive ? std::max(room, room + work.reserved) : std::numeric_limits<std::uint64_t>::max();
}

void DeadLetterDesk::reserve(Work& work, std::uint64_t places) {
  if (!work.revive) return;
  work.places = delivery::reserve({work.queue->served.limited()}, places);
  work.reserved = places;
}

bool DeadLetterDesk::has_room(const Work& work) const {
  return room(work) > 0 && (!work.revive || work.queue->served.state().entered_again() < most_again_);
}

asio::awaitable<bool> DeadLetterDesk::move_some(Work& work) {
  auto& queue = work.queue;
  const auto limit = std::min({most_of(work), work.most, room(work)});
  if (work.reserved < limit) reserve(work, limit);
  const auto rows = co_await storage_.dead_letters(queue->served.id(), work.after, limit, work.filter);
  if (rows.empty()) co_return false;
  std::vector<Position> positions;
  for (const auto& row : rows)
    if (row.position <= work.last && row.last_failed_at <= work.asked_at) positions.push_back(row.position);
  std::size_t moved = 0;
  if (work.revive) {
    moved = co_await redrive(queue, std::move(positions));
  } else {
    moved = co_await storage_.delete_dead_letters(queue->served.id(), std::move(positions));
  }
  if (queue->served.removed()) co_return false;
  work.after = rows.back().position;
  work.most -= std::min<std::uint64_t>(work.most, moved);
  queue->served.dead_letters_left(moved);
  reserve(work, work.at_once ? work.most : 0);
  if (work.revive) revived_(queue);
  co_return rows.size() == limit&& work.after < work.last&& work.most > 0;
}

asio::awaitable<std::size_t> DeadLetterDesk::redrive(const QueuePtr& queue, std::vector<Position> positions) {
  auto& state = queue->served.state();
  std::vector<OutstandingRow> rows;
  while (!positions.empty()) {
    const auto found = co_await store_.read_at(positions);
    for (const auto& stored : found.events) {
      const auto key = queue->served.definition().ordered ? delivery::hash_ordering_key(stored.event->ordering_key) : 0;
      const auto entry = -static_cast<EntryId>(random_id(entry_bits));
      rows.push_back(state.enter_again({stored.position, clock_(), key}, head_, entry));
    }
    positions.erase(positions.begin(), positions.begin() + static_cast<std::ptrdiff_t>(found.asked));
  }
  rows = co_await storage_.revive(queue->served.id(), std::move(rows));
  if (!queue->served.removed()) state.revive(rows);
  co_return rows.size();
}

asio::awaitable<void> DeadLetterDesk::move_in_background(Work work) {
  using Clock = std::chrono::steady_clock;
  bool more = true;
  while (more && !stopped_ && !work.queue->served.removed()) {
    const auto begun = Clock::now();
    Clock::duration rest{};
    if (!has_room(work)) {
      rest = rest_when_full;
    } else {
      try {
        more = co_await move_some(work);
        if (work.events_per_second > 0) {
          rest = std::chrono::microseconds{1'000'000 * most_of(work) / work.events_per_second};
        }
      } catch (const Unavailable& error) {
        log_warning(
            "dead letters could not be moved; it is tried again in a second",
            {{"queue", std::string_view(work.queue->served.name())}, {"error", std::string_view(error.what())}});
        rest = delivery::rest_after_failure;
      }
    }
    if (more && rest.count() > 0) co_await stopping_.wait_until(begun + rest);
  }
}

}  // namespace eventbus::embedded
