#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// An event that its publisher left with the broker instead of publishing it here.
struct OfferedEvent {
  std::uint64_t number = 0;  ///< Names the offer until it is accepted, refused or lost.
  Result<EventDraft> draft;  ///< The error says why it can't become an event.
};

/// An offer that can't become an event, and why.
struct RefusedOffer {
  std::uint64_t number = 0;
  std::string reason;
};

/// Where events come from that were not published through this service. At least once: what is neither accepted nor
/// refused is offered again, perhaps by another instance. For the event-loop thread. Throws `Unavailable`.
class EventSource {
 public:
  virtual ~EventSource() = default;
  virtual const std::string& name() const = 0;

  /// Up to `max` offers as soon as there is one; none at `deadline` or after `stop`.
  virtual asio::awaitable<std::vector<OfferedEvent>> receive(std::size_t max,
                                                             std::chrono::steady_clock::time_point deadline) = 0;
  /// They are stored. Offers that were lost meanwhile come again, which is no error.
  virtual asio::awaitable<void> accept(std::vector<std::uint64_t> numbers) = 0;
  /// They are put aside with their reasons, and kept.
  virtual asio::awaitable<void> refuse(std::vector<RefusedOffer> offers) = 0;
  /// Ends `receive`. What was offered may still be accepted and refused. Idempotent.
  virtual void stop() = 0;
  /// Gives back what is neither accepted nor refused. Last of all calls.
  virtual void close() = 0;
};

}  // namespace eventbus
