#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// Which events to replay. What is left empty matches everything.
struct ReplayFilter {
  std::optional<Timestamp> start_time = {};  ///< Inclusive, as is the end.
  std::optional<Timestamp> end_time = {};
  std::string event_type = {};  ///< Topic pattern: `user.*`, `order.#`.
};

/// Reads stored events page by page, by timestamp, then arrival: exactly those that were stored when the first page was
/// read. Comes from a store's or the HTTP client's `replay`, which must outlive it. One call at a time.
class EventReplay {
 public:
  /// The page after `cursor` (empty: the first), and the cursor of the next one, empty at the end.
  struct Page {
    std::vector<StoredEvent> events;
    std::string next;
  };
  using Fetch = std::function<asio::awaitable<Result<Page>>(std::string cursor)>;
  using Wait = std::function<Result<Page>(asio::awaitable<Result<Page>>)>;

  /// `wait` runs what `fetch` returns and blocks until it is over.
  EventReplay(Fetch fetch, Wait wait) : fetch_(std::move(fetch)), wait_(std::move(wait)) {}

  /// The next events, some hundreds at a time; empty at the end. After an error it may be called again.
  Result<std::vector<StoredEvent>> next();
  asio::awaitable<Result<std::vector<StoredEvent>>> async_next();

 private:
  Result<std::vector<StoredEvent>> take(Result<Page> page);

  Fetch fetch_;
  Wait wait_;
  std::string cursor_;
  bool done_ = false;
};

}  // namespace eventbus
