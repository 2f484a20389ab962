#include "eventbus/http/event_stream.hpp"

#include "eventbus/core/cursor.hpp"
#include "eventbus/core/event_json.hpp"
#include "eventbus/core/topic.hpp"
#include "eventbus/store/cursor_check.hpp"

namespace eventbus {
namespace {

constexpr std::size_t page_events = 256;
constexpr std::string_view heartbeat = ": heartbeat\n\n";
constexpr std::string_view greeting = ": the stream begins\n\n";

struct Subscription {
  std::string pattern = {};
  std::string from = {};                ///< Empty: now.
  std::optional<Timestamp> since = {};  ///< Events with earlier timestamps are left out.
  bool named = true;                    ///< Messages have an `event` field.
};

Result<Subscription> read_subscription(const Call& call) {
  auto parameters = call.parameters();
  Subscription wanted;
  wanted.pattern = parameters.text("event_type");
  wanted.from = parameters.text("from");
  wanted.since = parse_query_time(wanted.from);
  wanted.named = parameters.choice("event_field", {"type", "none"}) == "type";
  if (!wanted.pattern.empty() && !valid_topic_pattern(wanted.pattern)) {
    parameters.refuse("event_type", std::string(topic_pattern_rule));
  }
  const auto last_id = call.request.header("Last-Event-ID");
  if (!last_id.empty()) {
    wanted.from = last_id;
    if (!decode_place(last_id)) parameters.refuse("Last-Event-ID", "must be the id of an event of this stream");
  }
  if (auto checked = parameters.check(); !checked) return std::unexpected(std::move(checked.error()));
  return wanted;
}

asio::awaitable<Result<Position>> position_of(EventStore& store, std::string from) {
  if (from.empty() || from == "now") co_return store.head();
  if (from == "beginning") co_return Position{0};
  if (const auto place = decode_place(from)) {
    const auto checked = co_await check_cursor(store, *place);
    if (!checked) co_return std::unexpected(checked.error());
    co_return place->position;
  }
  const auto time = parse_query_time(from);
  if (!time) {
    FieldFaults faults;
    faults.add("from", "must be now, beginning, a cursor, or an RFC 3339 time");
    co_return std::unexpected(std::move(faults).error());
  }
  const auto first = co_await store.first_at_or_after(*time);
  co_return first ? *first - 1 : store.head();
}

asio::awaitable<void> follow(Call& call, Position after, Subscription wanted) {
  auto& feed = call.services.bus.feed;
  StreamedAnswer stream(call);
  bool open = co_await stream.write(greeting);
  std::string messages;
  auto deadline = Connection::Clock::now() + call.services.settings.heartbeat;
  while (open && !call.services.draining && !feed.stopped()) {
    auto next = feed.next(after, page_events, wanted.pattern, deadline);
    const auto page = co_await call.connection.while_connected(std::move(next));
    if (call.connection.gone()) co_return;
    after = std::max(after, page.scanned);
    messages.clear();
    for (const auto& stored : page.events) {
      const bool early = wanted.since && stored.event->timestamp < *wanted.since;
      if (!early) append_server_sent_event(messages, stored, wanted.named);
    }
    if (messages.empty() && Connection::Clock::now() >= deadline) messages = heartbeat;
    if (messages.empty()) continue;
    open = co_await stream.write(messages);
    deadline = Connection::Clock::now() + call.services.settings.heartbeat;
  }
  if (open) co_await stream.finish();
}

}  // namespace

void append_server_sent_event(std::string& out, const StoredEvent& stored, bool named) {
  out += "id: ";
  append_place(out, stored.place());
  if (named) out.append("\nevent: ").append(stored.event->event_type);
  out += "\ndata: ";
  append_stored_event(out, stored);
  out += "\n\n";
}

asio::awaitable<Result<void>> stream_live_events(Call& call) {
  auto wanted = read_subscription(call);
  if (!wanted) co_return std::unexpected(std::move(wanted.error()));
  const auto after = co_await position_of(call.services.bus.store, wanted->from);
  if (!after) co_return std::unexpected(after.error());
  call.answer.content_type = event_stream_type;
  call.answer.add_header("Cache-Control", "no-store");
  call.answer.add_header("X-Accel-Buffering", "no");  // nginx would keep messages back until its buffer is full
  call.answer.close = true;
  call.keep_alive = false;
  StreamedAnswer(call).begin();
  if (!call.head_only()) co_await follow(call, *after, std::move(*wanted));
  co_return Result<void>{};
}

}  // namespace eventbus
