#include "eventbus/library/event_stores.hpp"

#include <algorithm>
#include <utility>

#include "eventbus/core/cursor.hpp"
#include "eventbus/core/topic.hpp"
#include "eventbus/library/background_loop.hpp"
#include "eventbus/library/event_check.hpp"
#include "eventbus/library/store_backend.hpp"
#include "eventbus/store/cursor_check.hpp"

namespace eventbus::api {
namespace {

constexpr std::size_t events_a_page = 500;

Error not_open() {
  return {ErrorCode::unavailable, "the store's tables are not prepared: call initialize_schema first", {}};
}

Error conflicting(const std::string& event_id) {
  return {ErrorCode::conflict,
          "event '" + event_id + "' is stored already with other content; give the event an id of its own",
          {}};
}

Result<EventQuery> query_of(ReplayFilter filter) {
  if (!filter.event_type.empty() && !valid_topic_pattern(filter.event_type))
    return fail(ErrorCode::invalid, "event_type must be a topic pattern such as user.* or order.#");
  if (filter.start_time && filter.end_time && *filter.start_time > *filter.end_time)
    return fail(ErrorCode::invalid, "start_time must not be after end_time");
  return EventQuery{
      .start_time = filter.start_time, .end_time = filter.end_time, .event_type = std::move(filter.event_type)};
}

}  // namespace

/// What runs on the loop, apart from the backend's own work.
struct EventStore::Impl {
  explicit Impl(MakeBackend making) : make(std::move(making)) {}
  ~Impl() {
    loop.call([this] { backend.reset(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  eventbus::EventStore* store() const { return opened ? &backend->store() : nullptr; }

  asio::awaitable<Result<void>> open() {
    if (!backend) {
      auto made = make(loop.executor());
      if (!made) co_return std::unexpected(std::move(made.error()));
      backend = std::move(*made);
    }
    co_await backend->open();
    opened = true;
    co_return Result<void>{};
  }

  asio::awaitable<Result<std::size_t>> append(std::vector<Event> events) {
    AppendRequest request{.drafts = {}, .atomic = true};
    for (auto& event : events) {
      auto draft = draft_of(std::move(event));
      if (!draft) co_return std::unexpected(std::move(draft.error()));
      request.drafts.push_back(std::move(*draft));
    }
    if (store() == nullptr) co_return std::unexpected(not_open());
    if (request.drafts.empty()) co_return std::size_t{0};
    std::vector<AppendRequest> requests;
    requests.push_back(std::move(request));
    const auto outcomes = co_await store()->append(std::move(requests));
    std::size_t stored = 0;
    for (const auto& [status, event] : outcomes.front()) {
      if (status == AppendStatus::conflict) co_return std::unexpected(conflicting(event.event->event_id));
      if (status == AppendStatus::stored) ++stored;
    }
    co_return stored;
  }

  asio::awaitable<Result<bool>> append_one(Event event) {
    std::vector<Event> events;
    events.push_back(std::move(event));
    const auto stored = co_await append(std::move(events));
    if (!stored) co_return std::unexpected(stored.error());
    co_return *stored == 1;
  }

  asio::awaitable<Result<std::optional<StoredEvent>>> get(std::string event_id) {
    if (store() == nullptr) co_return std::unexpected(not_open());
    co_return co_await store()->get(std::move(event_id));
  }

  asio::awaitable<Result<EventReplay::Page>> page(ReplayFilter filter, std::string cursor, std::size_t limit) {
    if (store() == nullptr) co_return std::unexpected(not_open());
    auto query = query_of(std::move(filter));
    if (!query) co_return std::unexpected(std::move(query.error()));
    query->limit = limit;
    query->cursor = decode_listing(cursor);
    if (query->cursor) {
      const auto checked = co_await check_cursor(*store(), query->cursor->end());
      if (!checked) co_return std::unexpected(checked.error());
    }
    auto found = co_await store()->query(std::move(*query));
    EventReplay::Page result{.events = std::move(found.events), .next = {}};
    if (found.next) result.next = encode(*found.next);
    co_return result;
  }

  asio::awaitable<Result<std::vector<StoredEvent>>> listing(ReplayFilter filter, std::size_t limit) {
    std::vector<StoredEvent> events;
    std::string cursor;
    while (events.size() < limit) {
      const auto most = std::min(limit - events.size(), events_a_page);
      auto next = co_await page(filter, cursor, most);
      if (!next) co_return std::unexpected(std::move(next.error()));
      std::ranges::move(next->events, std::back_inserter(events));
      cursor = std::move(next->next);
      if (cursor.empty()) break;
    }
    co_return events;
  }

  BackgroundLoop loop;
  MakeBackend make;
  std::unique_ptr<StoreBackend> backend;
  bool opened = false;
};

EventStore::EventStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventStore::~EventStore() = default;

Result<void> EventStore::initialize_schema() {
  return impl_->loop.wait_for_result(impl_->open());
}
asio::awaitable<Result<void>> EventStore::async_initialize_schema() {
  return impl_->loop.run_for_result(impl_->open());
}

Result<bool> EventStore::store_event(Event event) {
  return impl_->loop.wait_for_result(impl_->append_one(std::move(event)));
}
asio::awaitable<Result<bool>> EventStore::async_store_event(Event event) {
  return impl_->loop.run_for_result(impl_->append_one(std::move(event)));
}

Result<std::size_t> EventStore::store_events(std::vector<Event> events) {
  return impl_->loop.wait_for_result(impl_->append(std::move(events)));
}
asio::awaitable<Result<std::size_t>> EventStore::async_store_events(std::vector<Event> events) {
  return impl_->loop.run_for_result(impl_->append(std::move(events)));
}

Result<std::optional<StoredEvent>> EventStore::get_event_by_id(std::string event_id) {
  return impl_->loop.wait_for_result(impl_->get(std::move(event_id)));
}
asio::awaitable<Result<std::optional<StoredEvent>>> EventStore::async_get_event_by_id(std::string event_id) {
  return impl_->loop.run_for_result(impl_->get(std::move(event_id)));
}

Result<std::vector<StoredEvent>> EventStore::replay_events(std::optional<Timestamp> start_time,
                                                           std::optional<Timestamp> end_time, std::string event_type,
                                                           std::size_t limit) {
  return impl_->loop.wait_for_result(impl_->listing({start_time, end_time, std::move(event_type)}, limit));
}
asio::awaitable<Result<std::vector<StoredEvent>>> EventStore::async_replay_events(std::optional<Timestamp> start_time,
                                                                                  std::optional<Timestamp> end_time,
                                                                                  std::string event_type,
                                                                                  std::size_t limit) {
  return impl_->loop.run_for_result(impl_->listing({start_time, end_time, std::move(event_type)}, limit));
}

EventReplay EventStore::replay(ReplayFilter filter) {
  auto* impl = impl_.get();
  return {
      [impl, filter = std::move(filter)](std::string cursor) {
        return impl->loop.run_for_result(impl->page(filter, std::move(cursor), events_a_page));
      },
      [impl](asio::awaitable<Result<EventReplay::Page>> page) { return impl->loop.wait_for_result(std::move(page)); }};
}

PostgreSQLEventStore::PostgreSQLEventStore(std::string url, std::size_t connections)
    : EventStore(std::make_unique<Impl>(postgres_backend(std::move(url), connections))) {}

SqliteEventStore::SqliteEventStore(std::filesystem::path directory)
    : EventStore(std::make_unique<Impl>(sqlite_backend(std::move(directory)))) {}

}  // namespace eventbus::api
