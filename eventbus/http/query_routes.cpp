#include <array>

#include "eventbus/core/cloudevents.hpp"
#include "eventbus/core/cursor.hpp"
#include "eventbus/core/topic.hpp"
#include "eventbus/http/call.hpp"
#include "eventbus/http/event_stream.hpp"
#include "eventbus/http/route.hpp"
#include "eventbus/store/cursor_check.hpp"

namespace eventbus {
namespace {

constexpr std::size_t default_limit = 100;
constexpr std::size_t most_events = 10000;
constexpr std::size_t streamed_page = 500;

Error not_acceptable(std::string_view offered) {
  return {ErrorCode::not_acceptable, "Accept must allow " + std::string(offered) + "."};
}

asio::awaitable<Result<void>> answer_event(Call& call, std::string event_id) {
  constexpr std::array offered{json_type, cloudevent_type};
  const auto type = preferred_type(call.request.header(http::field::accept), offered);
  if (type.empty()) co_return std::unexpected(not_acceptable("application/json or application/cloudevents+json"));
  const auto stored = co_await call.services.bus.store.get(std::move(event_id));
  if (!stored) co_return fail(ErrorCode::unknown_event, "No event has this event_id.");
  call.answer.content_type = type;
  if (type == cloudevent_type) {
    append_cloudevent(call.answer.body, *stored->event, call.services.settings.source);
  } else {
    append_stored_event(call.answer.body, *stored);
  }
  co_return Result<void>{};
}

asio::awaitable<Result<void>> get_event(Call& call) {
  co_return co_await answer_event(call, call.parameter);
}

asio::awaitable<Result<void>> get_event_by_id(Call& call) {
  auto parameters = call.parameters();
  std::string event_id(parameters.text("event_id"));
  if (!parameters.has("event_id")) parameters.refuse("event_id", "is required");
  if (auto checked = parameters.check(); !checked) co_return checked;
  co_return co_await answer_event(call, std::move(event_id));
}

void read_pattern(Parameters& parameters, EventQuery& query) {
  query.event_type = parameters.text("event_type");
  if (query.event_type.empty() || valid_topic_pattern(query.event_type)) return;
  parameters.refuse("event_type", std::string(topic_pattern_rule));
}

void read_payload(Parameters& parameters, EventQuery& query) {
  if (!parameters.has("payload")) return;
  auto payload = JsonContainment::parse(parameters.text("payload", std::size_t{64} << 10U));
  if (payload) {
    query.payload = std::move(*payload);
  } else {
    parameters.refuse("payload",
                      "must be a JSON object that the event's payload has to contain: " + payload.error().detail);
  }
}

void read_order(Parameters& parameters, EventQuery& query) {
  query.descending = parameters.choice("order", {"asc", "desc"}) == "desc";
  if (!parameters.has("cursor")) return;
  query.cursor = decode_listing(parameters.text("cursor"));
  if (!query.cursor) {
    parameters.refuse("cursor", "must be the next_cursor of a listing");
  } else if (!parameters.has("order")) {
    query.descending = query.cursor->descending;
  } else if (query.cursor->descending != query.descending) {
    parameters.refuse("cursor", "belongs to a listing in the other order");
  }
}

Result<EventQuery> read_query(const Call& call) {
  auto parameters = call.parameters();
  EventQuery query;
  query.start_time = parameters.time("start_time");
  query.end_time = parameters.time("end_time");
  if (query.start_time && query.end_time && *query.start_time > *query.end_time)
    parameters.refuse("start_time", "must not be after end_time");
  read_pattern(parameters, query);
  query.ordering_key = parameters.text("ordering_key");
  query.correlation_id = parameters.text("correlation_id", 255);
  read_payload(parameters, query);
  query.limit = parameters.integer("limit", 1, most_events, default_limit);
  read_order(parameters, query);
  if (auto checked = parameters.check(); !checked) return std::unexpected(std::move(checked.error()));
  return query;
}

/// Every event that matches, or the first `limit` of them where the request names a limit, page by page.
asio::awaitable<Result<void>> stream_events(Call& call, EventQuery query) {
  const bool limited = call.parameters().has("limit");
  auto left = limited ? query.limit : std::numeric_limits<std::size_t>::max();
  auto& store = call.services.bus.store;
  StreamedAnswer stream(call);
  std::string lines;
  bool begun = false;
  do {
    query.limit = std::min(left, streamed_page);
    auto page = co_await store.query(query);
    if (!begun) stream.begin();
    begun = true;
    if (call.head_only()) co_return Result<void>{};
    lines.clear();
    for (const auto& event : page.events) {
      append_stored_event(lines, event);
      lines += '\n';
    }
    if (!lines.empty() && !co_await stream.write(lines)) co_return Result<void>{};
    left -= page.events.size();
    query.cursor = page.next;
  } while (query.cursor && left > 0);
  co_await stream.finish();
  co_return Result<void>{};
}

asio::awaitable<Result<void>> list_events(Call& call) {
  constexpr std::array offered{json_type, ndjson_type};
  const auto type = preferred_type(call.request.header(http::field::accept), offered);
  if (type.empty()) co_return std::unexpected(not_acceptable("application/json or application/x-ndjson"));
  auto query = read_query(call);
  if (!query) co_return std::unexpected(std::move(query.error()));
  if (query->cursor) {
    const auto checked = co_await check_cursor(call.services.bus.store, query->cursor->end());
    if (!checked) co_return checked;
  }
  call.answer.content_type = type;
  if (type == ndjson_type) co_return co_await stream_events(call, std::move(*query));
  const auto page = co_await call.services.bus.store.query(std::move(*query));
  auto& body = call.answer.body;
  body += R"({"events":[)";
  for (const auto& event : page.events) {
    if (&event != &page.events.front()) body += ',';
    append_stored_event(body, event);
  }
  body += R"(],"next_cursor":)";
  body += page.next ? '"' + encode(*page.next) + '"' : std::string("null");
  body += '}';
  co_return Result<void>{};
}

constexpr std::string_view pattern_schema = R"({"$ref":"#/components/schemas/TopicPattern"})";
constexpr std::string_view cursor_schema = R"({"type":"string","minLength":1,"maxLength":1024})";
constexpr std::string_view time_schema = R"({"type":"string","format":"date-time"})";
constexpr std::string_view stored_event = R"({"$ref":"#/components/schemas/StoredEvent"})";

std::vector<ParameterDoc> listing_parameters() {
  return {{"start_time", time_schema, "Earliest timestamp, inclusive, RFC 3339. Not after end_time."},
          {"end_time", time_schema, "Latest timestamp, inclusive, RFC 3339."},
          {"event_type", pattern_schema,
           "Topic pattern: `user.*` is one more word, `order.#` any number. Encode # as %23."},
          {"ordering_key", R"({"type":"string","minLength":1,"maxLength":1024})", "Exactly this ordering key."},
          {"correlation_id", R"({"type":"string","minLength":1,"maxLength":255})", "Exactly this correlation id."},
          {"payload", R"({"type":"string","minLength":1,"maxLength":65536,"contentMediaType":"application/json"})",
           "A JSON object that the payload must contain, such as {\"user_id\":123}."},
          {"limit", R"({"type":"integer","minimum":1,"maximum":10000,"default":100})",
           "Most events of a page. As NDJSON: of the whole answer, unlimited by default."},
          {"cursor", cursor_schema, "next_cursor of the page before."},
          {"order", R"({"type":"string","enum":["asc","desc"],"default":"asc"})", "By timestamp, then arrival."}};
}

Route listing_route() {
  return {
      .method = http::verb::get,
      .path = "/events",
      .operation_id = "listEvents",
      .tag = "Query",
      .summary = "List events",
      .description =
          "Ordered by timestamp, then arrival. A listing is a snapshot: following next_cursor shows exactly the events "
          "that "
          "were stored when its first page was read. With Accept: application/x-ndjson the whole result is streamed.",
      .parameters = listing_parameters(),
      .answers = {{200, "One page, or all events one a line.", json_type,
                   R"({"$ref":"#/components/schemas/EventPage"})"},
                  {200, "", ndjson_type, R"({"type":"string"})"}},
      .errors = {ErrorCode::not_acceptable, ErrorCode::cursor_lost},
      .handler = list_events};
}

std::vector<AnswerDoc> event_answers() {
  return {{200, "The event.", json_type, stored_event},
          {200, "", cloudevent_type, R"({"$ref":"#/components/schemas/CloudEvent"})"}};
}

Route event_route() {
  return {.method = http::verb::get,
          .path = "/events/{event_id...}",
          .operation_id = "getEvent",
          .tag = "Query",
          .summary = "Get one event",
          .description =
              "Slashes of the id may be written plainly or as %2F. For ids that a path can't hold, see "
              "/events/by-id.",
          .answers = event_answers(),
          .errors = {ErrorCode::unknown_event, ErrorCode::not_acceptable},
          .handler = get_event};
}

Route event_by_id_route() {
  return {.method = http::verb::get,
          .path = "/events/by-id",
          .operation_id = "getEventById",
          .tag = "Query",
          .summary = "Get one event, whatever its id is",
          .description =
              "For ids that are no path of their own: those of other routes (batch, by-id, stream) and those "
              "with an empty, \".\" or \"..\" segment, which clients and proxies take out of paths. Location "
              "names this form for them.",
          .parameters = {{.name = "event_id",
                          .schema = R"({"type":"string","minLength":1,"maxLength":255})",
                          .description = "The id.",
                          .required = true}},
          .answers = event_answers(),
          .errors = {ErrorCode::unknown_event, ErrorCode::not_acceptable},
          .handler = get_event_by_id};
}

Route stream_route() {
  return {
      .method = http::verb::get,
      .path = "/events/stream",
      .operation_id = "streamEvents",
      .tag = "Query",
      .summary = "Follow events as they are stored",
      .description =
          "Server-Sent Events: id is the cursor, event the type, data the event. First the stored ones, then the live "
          "ones, "
          "without gap or repeat, in commit order. Comments keep a silent stream alive. Reconnecting with "
          "Last-Event-ID goes "
          "on behind that event. A browser's EventSource has events `open` and `error` of its own: those of this "
          "stream have `data`, its own have none; or ask for event_field=none.",
      .parameters = {{"event_type", pattern_schema, "Topic pattern."},
                     {"from", R"({"type":"string","default":"now"})",
                      "now, beginning, a cursor, or an RFC 3339 time: events with that timestamp or later, stored or "
                      "still to come."},
                     {"event_field", R"({"type":"string","enum":["type","none"],"default":"type"})",
                      "none leaves the event field out: everything arrives as `message`, its type in data.event_type."},
                     {"Last-Event-ID", R"({"type":"string"})", "A cursor; wins over from.",
                      ParameterDoc::Place::header}},
      .answers = {{200, "The stream.", event_stream_type, R"({"type":"string"})"}},
      .errors = {ErrorCode::draining, ErrorCode::cursor_lost},
      .handler = stream_live_events,
      .load = Load::exempt};
}

}  // namespace

std::vector<Route> query_routes() {
  return {listing_route(), event_route(), event_by_id_route(), stream_route()};
}

}  // namespace eventbus
