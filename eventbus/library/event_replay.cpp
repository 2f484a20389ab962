#include "eventbus/library/event_replay.hpp"

#include <utility>

namespace eventbus {

Result<std::vector<StoredEvent>> EventReplay::next() {
  if (done_) return std::vector<StoredEvent>{};
  return take(wait_(fetch_(cursor_)));
}

asio::awaitable<Result<std::vector<StoredEvent>>> EventReplay::async_next() {
  if (done_) co_return std::vector<StoredEvent>{};
  auto page = co_await fetch_(cursor_);
  co_return take(std::move(page));
}

Result<std::vector<StoredEvent>> EventReplay::take(Result<Page> page) {
  if (!page) return std::unexpected(std::move(page.error()));
  cursor_ = std::move(page->next);
  done_ = cursor_.empty() || page->events.empty();
  return std::move(page->events);
}

}  // namespace eventbus
