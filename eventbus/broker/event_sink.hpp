#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "eventbus/core/event.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// Where the relay hands over stored events: the broker's publishing side. For the event-loop thread.
class EventSink {
 public:
  virtual ~EventSink() = default;

  /// Publishes in the order given, and behind everything that was passed in earlier calls, which may still wait for
  /// their confirms. Returns when the broker has taken responsibility for all of them, those without a matching queue
  /// included. Throws `Unavailable` when one was refused or its fate is unknown; the others may have been published.
  virtual asio::awaitable<void> publish(std::vector<StoredEvent> events) = 0;
  /// False while `publish` would be refused at once, so that it isn't worth reading what to publish. Immediate.
  virtual bool accepts() const { return true; }
};

}  // namespace eventbus
