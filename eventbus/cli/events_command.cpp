#include <fmt/format.h>

#include <ostream>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/event_view.hpp"
#include "eventbus/client/targets.hpp"

namespace eventbus::cli {
namespace {

struct EventsOptions {
  std::string type;
  std::string start;
  std::string end;
  std::string key;
  std::string correlation_id;
  std::string payload;
  std::string order = "asc";
  std::string cursor;
  std::int64_t limit = 100;
  bool all = false;
};

struct GetOptions {
  std::string id;
  bool cloudevent = false;
};

std::string target_of(const EventsOptions& options) {
  Target target("/events");
  target.with("event_type", options.type).with("start_time", options.start).with("end_time", options.end);
  target.with("ordering_key", options.key)
      .with("correlation_id", options.correlation_id)
      .with("payload", options.payload);
  target.with("order", options.order == "asc" ? "" : options.order).with("cursor", options.cursor);
  if (!options.all) target.with("limit", std::to_string(options.limit));
  return target.text();
}

/// Straight through: one JSON event a line, never held whole.
ExitCode stream_all(const Session& session, const EventsOptions& options) {
  HttpClient http(session.server());
  HttpRequest request{.target = target_of(options)};
  request.headers = {{"Accept", "application/x-ndjson"}};
  const auto print = [&](std::string_view part) {
    session.console.out << part;
    return true;
  };
  expect_success(http.stream(request, print));
  return ExitCode::ok;
}

ExitCode list_events(const Session& session, const EventsOptions& options) {
  if (options.all) return stream_all(session, options);
  const auto body = Api(session).get(target_of(options));
  if (session.json) {
    session.console.out << body << "\n";
    return ExitCode::ok;
  }
  const JsonObject page(body);
  Table table(event_columns());
  for (const auto& event : page.objects("events")) table.add(event_cells(event));
  if (table.empty()) {
    session.console.err << "no events match\n";
    return ExitCode::ok;
  }
  session.console.out << table.text(session.console);
  if (page.has("next_cursor")) {
    session.console.err << fmt::format("more with: --cursor {}   (or --all for every event as NDJSON)\n",
                                       page.text("next_cursor"));
  }
  return ExitCode::ok;
}

ExitCode get(const Session& session, const GetOptions& options) {
  HttpRequest request{.target = event_target(options.id)};
  if (options.cloudevent) request.headers = {{"Accept", "application/cloudevents+json"}};
  HttpClient http(session.server());
  const auto answer = http.send(request);
  expect_success(answer);
  if (session.json) {
    session.console.out << answer.body << "\n";
  } else {
    session.console.out << event_sheet(session.console, JsonObject(answer.body));
  }
  return ExitCode::ok;
}

Command list_events_command(Session& session) {
  auto options = std::make_shared<EventsOptions>();
  auto& o = *options;
  return {
      .name = "list",
      .summary = "list stored events by time",
      .details = "Both ends of the time are inclusive. --all prints every event that matches as NDJSON.",
      .options = {{"-t,--type", "PATTERN", "event type; * stands for one word, # for any number", &o.type},
                  {"--start", "TIME", "earliest timestamp, RFC 3339", &o.start},
                  {"--end", "TIME", "latest timestamp, RFC 3339", &o.end},
                  {"-k,--key", "KEY", "ordering key", &o.key},
                  {"--correlation-id", "ID", "correlation id", &o.correlation_id},
                  {"-p,--payload", "JSON", "a JSON object that the payload must contain", &o.payload},
                  {"--order", "ORDER", "by time, ascending or descending", &o.order, false, {"asc", "desc"}},
                  {"-n,--limit", "N", "most events", &o.limit, false, {}, 1, 10000},
                  {"--cursor", "CURSOR", "go on where a listing ended", &o.cursor},
                  {"--all", "", "every event, streamed as NDJSON", &o.all}},
      .examples = {{"eventbus events list --type 'git.*.merge' --order desc --limit 10", "the newest merges"},
                   {"eventbus events list --payload '{\"repository\": \"leveldb\"}'", "by what the payload contains"},
                   {"eventbus events list --start 2020-01-01T00:00:00Z --all | jq -r .event_id",
                    "everything since 2020"}},
      .run = [&session, options] { return list_events(session, *options); }};
}

Command get_command(Session& session) {
  auto options = std::make_shared<GetOptions>();
  return {
      .name = "get",
      .summary = "show one event",
      .options = {{"EVENT_ID", "", "the event's id", &options->id, true},
                  {"--cloudevent", "", "as a CloudEvent", &options->cloudevent}},
      .examples = {{"eventbus events get leveldb/54f1fd7eef101db1dfb2bb66a59083c45a38aa4a", "by id"},
                   {"eventbus events get 0199f0c2-5f3e-7000-8000-000000000000 --json | jq .payload", "its payload"}},
      .run = [&session, options] { return get(session, *options); }};
}

}  // namespace

Command events_command(Session& session) {
  return {.name = "events",
          .summary = "query stored events",
          .subcommands = {list_events_command(session), get_command(session)}};
}

}  // namespace eventbus::cli
