#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/console/progress.hpp"
#include "eventbus/cli/console/table.hpp"
#include "eventbus/cli/event_input.hpp"
#include "eventbus/cli/input_file.hpp"
#include "eventbus/core/uuid.hpp"

namespace eventbus::cli {
namespace {

constexpr std::size_t shown_failures = 20;

struct PublishOptions {
  std::string file;
  std::string type;
  std::string payload;
  std::string id;
  std::string timestamp;
  std::string key;
  std::string correlation_id;
  std::string exchange;
  std::string routing_key;
  std::string wait = "stored";
  bool atomic = false;
};

std::string read_whole(const std::string& path) {
  InputFile file(path);
  std::string whole;
  for (auto part = file.read(); !part.empty(); part = file.read()) whole += part;
  return whole;
}

std::string payload_of(const PublishOptions& options) {
  if (options.payload.empty()) return "{}";
  const auto text = options.payload.starts_with('@') ? read_whole(options.payload.substr(1)) : options.payload;
  if (const auto parsed = parse_json_object(text); !parsed) {
    throw CommandFailed(ExitCode::usage,
                        "--payload: " + parsed.error().detail + "; a JSON object is expected, e.g. '{\"a\": 1}'");
  }
  return text;
}

/// With an id of our own, so that sending it again after a lost connection stores it once.
std::string event_json(const PublishOptions& options) {
  JsonWriter event;
  event.text("event_id", options.id.empty() ? make_uuid_v7() : options.id).text("event_type", options.type);
  event.raw("payload", payload_of(options));
  event.text_if("timestamp", options.timestamp).text_if("ordering_key", options.key);
  event.text_if("correlation_id", options.correlation_id);
  event.text_if("exchange", options.exchange).text_if("routing_key", options.routing_key);
  return event.done();
}

ExitCode publish_one(const Session& session, const PublishOptions& options) {
  const auto target = Target("/events").with("wait", options.wait == "stored" ? "" : options.wait);
  const auto answer = Api(session).post(target.text(), event_json(options));
  if (session.json) {
    session.console.out << answer << "\n";
    return ExitCode::ok;
  }
  const JsonObject published(answer);
  session.console.out << fmt::format("{}  {}\n", published.text("status"), printable(published.text("event_id")));
  return ExitCode::ok;
}

void show_failures(const Session& session, const JsonObject& result, const EventInput& input) {
  const auto failures = result.objects("results");
  const auto failed = result.number("failed");
  std::size_t shown = 0;
  for (const auto& failure : failures) {
    if (++shown > shown_failures) break;
    const auto error = failure.object("error");
    session.console.err << fmt::format("{}: {}: {}\n", input.place_of(failure.number("index")), error.text("code"),
                                       printable(error.text("detail")));
    for (const auto& field : error.objects("errors")) {
      if (error.text("detail").starts_with(field.text("field") + ": ")) continue;
      session.console.err << fmt::format("  {}: {}\n", printable(field.text("field")),
                                         printable(field.text("message")));
    }
  }
  if (failed > shown_failures) session.console.err << fmt::format("… and {} more\n", grouped(failed - shown_failures));
}

ExitCode show_result(const Session& session, const std::string& body, double seconds, const EventInput& input) {
  const JsonObject result(body);
  const auto failed = result.number("failed");
  if (session.json) {
    session.console.out << body << "\n";
  } else {
    show_failures(session, result, input);
    session.console.out << fmt::format("{} events in {:.1f} s: {} stored, {} duplicates, {} refused\n",
                                       grouped(result.number("total")), seconds, grouped(result.number("stored")),
                                       grouped(result.number("duplicates")), grouped(failed));
  }
  return failed == 0 ? ExitCode::ok : ExitCode::refused;
}

bool has_results(const HttpAnswer& answer) {
  const auto members = parse_json_object(answer.body);
  return members && std::ranges::find(*members, "results", &JsonMember::key) != members->end();
}

HttpAnswer upload(const Session& session, const PublishOptions& options, EventInput& input) {
  HttpClient http(session.server(), std::chrono::seconds(120));
  Progress progress(session.console, "events");
  const auto source = [&] {
    auto part = input.read();
    if (options.atomic && !input.fault().empty())
      throw CommandFailed(ExitCode::failed, input.fault() + "; nothing was published");
    progress.show(input.events(), input.fraction());
    return part;
  };
  const auto target = Target("/events/batch").with("atomic", options.atomic ? "true" : "");
  return http.upload({.method = "POST", .target = target.text(), .content_type = "application/x-ndjson"}, source);
}

ExitCode publish_stream(const Session& session, const PublishOptions& options) {
  EventInput input(options.file.empty() ? "-" : options.file);
  const auto begun = std::chrono::steady_clock::now();
  const auto answer = upload(session, options, input);
  if (input.events() == 0 && !input.fault().empty()) throw CommandFailed(ExitCode::failed, input.fault());
  if (!has_results(answer)) expect_success(answer);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  const auto code = show_result(session, answer.body, took.count(), input);
  if (input.fault().empty()) return code;
  throw CommandFailed(ExitCode::failed, input.fault() + "; what stands before it was sent");
}

ExitCode publish(const Session& session, const PublishOptions& options) {
  if (!options.type.empty() && !options.file.empty()) {
    throw CommandFailed(ExitCode::usage, "give either --type for one event, or FILE for many");
  }
  if (!options.type.empty()) return publish_one(session, options);
  if (!options.payload.empty() || !options.id.empty()) throw CommandFailed(ExitCode::usage, "--type is missing");
  if (options.file.empty() && session.console.in_is_terminal) {
    throw CommandFailed(ExitCode::usage,
                        "nothing to publish: give --type for one event, or FILE (or a pipe) with one JSON event "
                        "a line; see: eventbus publish --help");
  }
  return publish_stream(session, options);
}

}  // namespace

Command publish_command(Session& session) {
  auto options = std::make_shared<PublishOptions>();
  auto& o = *options;
  return {
      .name = "publish",
      .summary = "publish one event, or many from a file or a pipe",
      .details =
          "With --type it publishes one event. Otherwise it reads events from FILE or standard input, plain or gzip, "
          "of any\n"
          "length: one a line (NDJSON), a JSON array, or what jq prints. An event is durable once the command says "
          "so; each that is\n"
          "refused is named by its line, with the reason. Publishing again what has an event_id is safe: it counts "
          "as a\n"
          "duplicate.",
      .options = {{"FILE", "", "a file of events, plain or gzip; - is standard input", &o.file},
                  {"-t,--type", "TYPE", "event type of one event, e.g. user.created", &o.type},
                  {"-p,--payload", "JSON",
                   "its payload, a JSON object; @FILE reads it from a file, @- from standard input", &o.payload},
                  {"--id", "ID", "its event_id; made up where not given", &o.id},
                  {"--timestamp", "TIME", "when it happened, RFC 3339", &o.timestamp},
                  {"-k,--key", "KEY", "its ordering key", &o.key},
                  {"--correlation-id", "ID", "its correlation id", &o.correlation_id},
                  {"--exchange", "NAME", "where it is routed", &o.exchange, false, {}, 0, 0, "events"},
                  {"--routing-key", "KEY", "how it is routed", &o.routing_key, false, {}, 0, 0, "the event type"},
                  {"--wait", "STATE", "what to wait for", &o.wait, false, {"stored", "published"}},
                  {"--atomic", "", "of many events store all or none (up to 16 MiB)", &o.atomic}},
      .examples = {{"eventbus publish --type user.created --payload '{\"user_id\": 123}'", "one event"},
                   {"eventbus publish examples/data/commits.ndjson.gz", "many from a file"},
                   {"jq '.orders[]' export.json | eventbus publish", "many from a pipe"}},
      .run = [&session, options] { return publish(session, *options); }};
}

}  // namespace eventbus::cli
