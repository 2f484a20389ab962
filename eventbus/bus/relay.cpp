#include "eventbus/bus/relay.hpp"

#include <algorithm>
#include <iterator>

#include "eventbus/core/error.hpp"
#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {

Relay::Relay(const asio::any_io_executor& executor, Outbox& outbox, EventSink& sink, Leadership& leadership,
             RelaySettings settings)
    : outbox_(outbox),
      sink_(sink),
      leadership_(leadership),
      settings_(std::move(settings)),
      arrived_(executor),
      changed_(executor),
      windows_(executor),
      published_(executor, outbox, settings_.busy_poll),
      recent_(settings_.remembered_bytes) {}

void Relay::committed(std::span<const StoredEvent> events) {
  if (leading_) recent_.add(events);
  notified_ = true;
  arrived_.notify_all();
}

void Relay::stop() {
  stopping_ = true;
  published_.stop();
  arrived_.notify_all();
  changed_.notify_all();
}

asio::awaitable<void> Relay::run() {
  while (!stopping_) {
    bool failed = false;
    try {
      co_await turn();
    } catch (const Unavailable& error) {
      failed = true;
      log(level_of(error, troubles_), "events wait in the outbox; relaying them is tried again",
          {{"error", std::string_view(error.what())}});
    }
    if (failed) co_await start_over();
  }
  co_await windows_.join();
  co_await published_.join();
  leading_ = false;
  co_await leave();
}

/// So that the next leader has nothing to repeat.
asio::awaitable<void> Relay::leave() {
  try {
    if (!confirmed_.empty()) co_await outbox_.advance(confirmed_, 0);
    for (const auto& entry : confirmed_) in_flight_.erase(entry.first);
    confirmed_.clear();
  } catch (const Unavailable& error) {
    log(level_of(error, troubles_), "events that the broker has stay in the outbox; they are relayed again",
        {{"error", std::string_view(error.what())}});
  }
  co_await leadership_.resign();
}

asio::awaitable<void> Relay::start_over() {
  co_await windows_.join();
  failure_ = nullptr;
  const auto wait = settings_.retry.wait(++failures_, settings_.random());
  co_await rest(std::max(wait, settings_.busy_poll));
}

asio::awaitable<void> Relay::stand_down() {
  leading_ = false;
  co_await windows_.join();
  failure_ = nullptr;
  co_await leave();
  co_await rest(settings_.standby);
}

/// One look at the outbox, or one at who leads.
asio::awaitable<void> Relay::turn() {
  if (!sink_.accepts()) {
    co_await stand_down();
    co_return;
  }
  leading_ = false;
  leading_ = co_await leadership_.lead();
  if (!leading_) {
    co_await rest(settings_.standby);
    co_return;
  }
  co_await relay_some();
}

asio::awaitable<void> Relay::relay_some() {
  notified_ = false;
  while (!stopping_ && !failure_ && windows_.size() >= settings_.windows_in_flight) co_await changed_.wait();
  co_await settle();
  auto entries = co_await next_window();
  if (entries.empty()) {
    const bool idle = in_flight_.empty() && Clock::now() - last_found_ > std::chrono::seconds{1};
    co_await pause(idle ? settings_.idle_poll : settings_.busy_poll);
    co_return;
  }
  last_found_ = Clock::now();
  auto events = co_await events_of(entries);
  co_await settle();
  for (const auto& entry : entries) in_flight_.insert(entry.first);
  windows_.spawn("relay window", hand_over(std::move(entries), std::move(events)));
}

/// Throws the failure of a window, once those beside it have ended, so that nothing overtakes its repetition.
asio::awaitable<void> Relay::settle() {
  if (!failure_) co_return;
  co_await windows_.join();
  std::rethrow_exception(std::exchange(failure_, nullptr));
}

asio::awaitable<std::vector<OutboxEntry>> Relay::next_window() {
  const auto confirmed = confirmed_;
  auto entries = co_await outbox_.advance(confirmed, in_flight_.size() + settings_.window);
  if (!confirmed.empty()) crash_point("relay.after_removal");
  for (const auto& entry : confirmed) in_flight_.erase(entry.first);
  confirmed_.erase(confirmed_.begin(), confirmed_.begin() + static_cast<std::ptrdiff_t>(confirmed.size()));
  std::erase_if(entries, [this](const OutboxEntry& entry) { return in_flight_.contains(entry.first); });
  std::size_t events = 0;
  const auto behind = std::ranges::find_if(entries, [&](const OutboxEntry& entry) {
    const bool full = events > 0 && events >= settings_.window;
    events += static_cast<std::size_t>(entry.last - entry.first + 1);
    return full;
  });
  entries.erase(behind, entries.end());
  co_return entries;
}

asio::awaitable<std::vector<StoredEvent>> Relay::events_of(const std::vector<OutboxEntry>& entries) {
  std::vector<StoredEvent> events;
  std::vector<OutboxEntry> others;
  for (const auto& entry : entries) {
    if (!recent_.take(entry, events)) others.push_back(entry);
  }
  if (others.empty()) co_return events;
  const bool mixed = !events.empty();
  auto read = co_await outbox_.read(std::move(others));
  std::ranges::move(read, std::back_inserter(events));
  if (mixed) std::ranges::sort(events, {}, &StoredEvent::position);
  co_return events;
}

asio::awaitable<void> Relay::hand_over(std::vector<OutboxEntry> entries, std::vector<StoredEvent> events) {
  try {
    crash_point("relay.before_publish");
    co_await sink_.publish(std::move(events));
    crash_point("relay.before_removal");
    published_.confirmed(entries);
    std::ranges::copy(entries, std::back_inserter(confirmed_));
    failures_ = 0;
    troubles_.over();
  } catch (const Unavailable&) {
    if (!failure_) failure_ = std::current_exception();
    for (const auto& entry : entries) in_flight_.erase(entry.first);
  }
  changed_.notify_all();
}

/// Longer than until something changes: what is stored meanwhile doesn't make the world whole.
asio::awaitable<void> Relay::rest(std::chrono::milliseconds time) {
  const auto until = Clock::now() + time;
  while (!stopping_ && Clock::now() < until) co_await arrived_.wait_until(until);
}

asio::awaitable<void> Relay::pause(std::chrono::milliseconds time) {
  if (!stopping_ && !notified_) co_await arrived_.wait_until(Clock::now() + time);
}

}  // namespace eventbus
