#include "eventbus/store/postgres/event_lookup.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "eventbus/store/postgres/event_row.hpp"

namespace eventbus::postgres_store {
namespace {

/// Queries at a time: one is answered by the server while the other's rows are read here.
constexpr std::size_t most_asking = 2;
/// Bounds what one answer holds in memory, and how long the first of its readers waits for the last.
constexpr std::size_t most_ids = 64;

template <class Found>
class FoundTaker final : public RowTaker {
 public:
  explicit FoundTaker(Found& found) : found_(found) {}
  void restart() override {}
  bool take(const postgres::Row& row) override {
    auto stored = read_event(row);
    auto id = stored.event->event_id;
    found_.insert_or_assign(std::move(id), std::move(stored));
    return true;
  }

 private:
  Found& found_;
};

template <class Found>
std::optional<StoredEvent> event_of(const Found& found, const std::string& event_id) {
  const auto place = found.find(event_id);
  return place == found.end() ? std::nullopt : std::optional(place->second);
}

}  // namespace

/// A query's place among those at a time. When it ends, the first of those that wait asks.
class EventLookup::Asking {
 public:
  explicit Asking(EventLookup& lookup) : lookup_(lookup) { ++lookup_.asking_; }
  ~Asking() {
    --lookup_.asking_;
    if (lookup_.waiting_.empty()) return;
    auto next = std::move(lookup_.waiting_.front());
    lookup_.waiting_.pop_front();
    next.done(nullptr, {.event = std::nullopt, .ask = true});
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

 private:
  EventLookup& lookup_;
};

asio::awaitable<std::optional<StoredEvent>> EventLookup::find(std::string event_id) {
  if (asking_ >= most_asking) {
    auto wait = [this, &event_id](Completion<Answer> done) { waiting_.push_back({event_id, std::move(done)}); };
    auto answer = co_await suspend<Answer>(wait);
    if (!answer.ask) co_return std::move(answer.event);
  }
  co_return co_await ask(std::move(event_id));
}

asio::awaitable<std::optional<StoredEvent>> EventLookup::ask(std::string event_id) {
  const Asking asking(*this);
  auto others = take_waiting();
  std::vector<std::string> ids{event_id};
  for (const auto& other : others) ids.push_back(other.event_id);
  Found found;
  std::exception_ptr failure;
  try {
    found = co_await query(std::move(ids));
  } catch (const Unavailable&) {
    failure = std::current_exception();
  }
  for (auto& other : others) other.done(failure, {.event = event_of(found, other.event_id)});
  if (failure) std::rethrow_exception(failure);
  co_return event_of(found, event_id);
}

std::vector<EventLookup::Waiting> EventLookup::take_waiting() {
  std::vector<Waiting> taken;
  while (!waiting_.empty() && taken.size() + 1 < most_ids) {
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return taken;
}

asio::awaitable<EventLookup::Found> EventLookup::query(std::vector<std::string> event_ids) {
  Found found;
  co_await query(event_ids, EventReader::Source::any, found);
  if (!reader_.has_replica()) co_return found;
  // A replica may lag behind what its reader has just stored.
  std::erase_if(event_ids, [&found](const std::string& id) { return found.contains(id); });
  if (!event_ids.empty()) co_await query(event_ids, EventReader::Source::primary, found);
  co_return found;
}

asio::awaitable<void> EventLookup::query(const std::vector<std::string>& event_ids, EventReader::Source source,
                                         Found& found) {
  static const std::string one = "SELECT " + std::string(event_columns) + " FROM events WHERE event_id = $1";
  static const std::string many = "SELECT " + std::string(event_columns) + " FROM events WHERE event_id = ANY ($1)";
  postgres::Statement statement(event_ids.size() == 1 ? one : many);
  const std::vector<std::string_view> ids(event_ids.begin(), event_ids.end());
  if (ids.size() == 1) {
    statement.add(ids.front());
  } else {
    statement.add(ids);
  }
  FoundTaker taker(found);
  co_await reader_.read(std::move(statement), taker, source);
}

}  // namespace eventbus::postgres_store
