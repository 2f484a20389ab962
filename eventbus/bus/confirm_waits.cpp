#include "eventbus/bus/confirm_waits.hpp"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

using SteadyTime = std::chrono::steady_clock;

constexpr std::chrono::milliseconds slowest_poll{200};

}  // namespace

/// Among those that wait, as long as it lives.
class ConfirmWaits::Place {
 public:
  Place(ConfirmWaits& waits, Waiting& waiting)
      : waits_(waits), place_(waits.waiting_.insert(waits.waiting_.end(), &waiting)) {}
  ~Place() { waits_.waiting_.erase(place_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  ConfirmWaits& waits_;
  std::list<Waiting*>::iterator place_;
};

asio::awaitable<bool> ConfirmWaits::wait(Position position, std::chrono::steady_clock::time_point deadline) {
  Waiting waiting(executor_, position);
  const Place place(*this, waiting);
  if (!looking_ && !stopped_) looker_.spawn("wait for confirms", look_for_all());
  while (!waiting.published && !stopped_ && SteadyTime::now() < deadline) co_await waiting.told.wait_until(deadline);
  co_return waiting.published;
}

void ConfirmWaits::confirmed(std::span<const OutboxEntry> entries) {
  for (auto* waiting : waiting_) {
    const auto holds = [waiting](const OutboxEntry& entry) {
      return entry.first <= waiting->position && waiting->position <= entry.last;
    };
    if (std::ranges::none_of(entries, holds)) continue;
    waiting->published = true;
    waiting->told.notify_all();
    pause_ = busy_poll_;
  }
}

void ConfirmWaits::stop() {
  stopped_ = true;
  for (auto* waiting : waiting_) waiting->told.notify_all();
  ended_.notify_all();
}

asio::awaitable<void> ConfirmWaits::look_for_all() {
  looking_ = true;
  pause_ = busy_poll_;
  while (!waiting_.empty() && !stopped_) {
    const bool found = co_await look();
    if (waiting_.empty() || stopped_) break;
    co_await ended_.wait_until(SteadyTime::now() + pause_);
    pause_ = found ? busy_poll_ : std::min(pause_ * 2, std::max(busy_poll_, slowest_poll));
  }
  looking_ = false;
}

/// Whether something was found to be published.
asio::awaitable<bool> ConfirmWaits::look() {
  std::vector<Position> wanted;
  for (const auto* waiting : waiting_) {
    if (!waiting->published) wanted.push_back(waiting->position);
  }
  const std::unordered_set<Position> asked(wanted.begin(), wanted.end());
  std::vector<Position> held;
  try {
    held = co_await outbox_.held(std::move(wanted));
  } catch (const Unavailable& error) {
    log(LogLevel::debug, "nobody knows what the broker has confirmed; it is looked up again",
        {{"error", std::string_view(error.what())}});
    co_return false;
  }
  const std::unordered_set<Position> left(held.begin(), held.end());
  bool found = false;
  for (auto* waiting : waiting_) {
    if (waiting->published || !asked.contains(waiting->position) || left.contains(waiting->position)) continue;
    found = waiting->published = true;
    waiting->told.notify_all();
  }
  co_return found;
}

}  // namespace eventbus
