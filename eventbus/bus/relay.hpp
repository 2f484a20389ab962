#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <set>
#include <vector>

#include "eventbus/broker/event_sink.hpp"
#include "eventbus/bus/confirm_waits.hpp"
#include "eventbus/bus/recent_appends.hpp"
#include "eventbus/core/retry_policy.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/store/leadership.hpp"
#include "eventbus/store/outbox.hpp"
#include "eventbus/telemetry/trouble_log.hpp"

namespace eventbus {

struct RelaySettings {
  /// Events handed to the broker together. Raising it costs memory and repeats more when something dies.
  std::size_t window = 1000;
  /// Windows that wait for the broker's confirms at a time.
  std::size_t windows_in_flight = 4;
  /// Memory for events just stored here, so that they needn't be read again; past it they are.
  std::size_t remembered_bytes = std::size_t{16} << 20U;
  /// How soon entries of other instances are seen: while events flow, and when none came for a second.
  std::chrono::milliseconds busy_poll{5};
  std::chrono::milliseconds idle_poll{50};
  /// How often an instance that doesn't lead asks whether it may.
  std::chrono::milliseconds standby{1000};
  RetryPolicy retry{.delay = std::chrono::milliseconds{200}, .backoff = 2.0, .max_delay = std::chrono::seconds{5}};
  std::function<double()> random = {};  ///< In [0, 1), for the jitter.
};

/// Hands what the outbox holds to the broker, in the order of positions, and removes it once it is confirmed
/// (transactional outbox; C. Richardson, "Microservices Patterns", 2018). One instance at a time does so: the leader.
/// Whatever dies in between, an entry is published again rather than lost; consumers see a repeated `event_id`.
/// Members on the event-loop thread.
class Relay {
 public:
  Relay(const asio::any_io_executor& executor, Outbox& outbox, EventSink& sink, Leadership& leadership,
        RelaySettings settings);

  /// Relays until `stop`; then finishes the windows in flight and resigns. Trouble with the outbox or the broker is
  /// logged and tried again, for ever. While the broker's side accepts nothing here, another instance may lead.
  asio::awaitable<void> run();
  /// Idempotent.
  void stop();
  /// This instance stored these in one append: look at once.
  void committed(std::span<const StoredEvent> events);

  /// True once the event of this position is confirmed by the broker, whichever instance published it; false at the
  /// deadline, and while nobody can tell. However many wait, one look at the outbox serves them all.
  asio::awaitable<bool> wait_published(Position position, std::chrono::steady_clock::time_point deadline) {
    return published_.wait(position, deadline);
  }

  bool leading() const { return leading_; }

 private:
  using Clock = std::chrono::steady_clock;

  asio::awaitable<void> turn();
  asio::awaitable<void> relay_some();
  asio::awaitable<std::vector<OutboxEntry>> next_window();
  asio::awaitable<std::vector<StoredEvent>> events_of(const std::vector<OutboxEntry>& entries);
  asio::awaitable<void> hand_over(std::vector<OutboxEntry> entries, std::vector<StoredEvent> events);
  asio::awaitable<void> settle();
  asio::awaitable<void> pause(std::chrono::milliseconds time);
  asio::awaitable<void> rest(std::chrono::milliseconds time);
  asio::awaitable<void> start_over();
  asio::awaitable<void> stand_down();
  asio::awaitable<void> leave();

  Outbox& outbox_;
  EventSink& sink_;
  Leadership& leadership_;
  RelaySettings settings_;
  Signal arrived_;  ///< Something was stored here, or the end has come.
  Signal changed_;  ///< A window ended, or the end has come.
  TaskGroup windows_;
  ConfirmWaits published_;
  std::set<Position> in_flight_;        ///< First positions of the entries in windows, and of those confirmed.
  std::vector<OutboxEntry> confirmed_;  ///< Still in the outbox.
  RecentAppends recent_;
  std::exception_ptr failure_;  ///< Of a window; the rest of those in flight ends before anything is repeated.
  TroubleLog troubles_;
  Clock::time_point last_found_{};
  std::uint32_t failures_ = 0;  ///< Since a window was last finished.
  bool notified_ = false;
  bool leading_ = false;
  bool stopping_ = false;
};

}  // namespace eventbus
