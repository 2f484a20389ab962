#include <fmt/format.h>

#include <ostream>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/console/table.hpp"
#include "eventbus/cli/input_file.hpp"
#include "eventbus/client/targets.hpp"

namespace eventbus::cli {
namespace {

struct DeclareOptions {
  std::string queue;
  std::vector<std::string> bind;
  std::string exchange;
  std::optional<std::int64_t> max_retries;
  std::optional<std::int64_t> retry_delay_ms;
  std::optional<double> retry_backoff;
  std::optional<std::int64_t> retry_max_delay_ms;
  std::optional<std::int64_t> message_ttl_ms;
  std::optional<std::int64_t> max_length;
  std::string overflow;
  std::optional<std::int64_t> lease_ms;
  bool ordered = false;
  std::string start_from;
  std::string definition;
};

struct QueueOptions {
  std::string queue;
  bool yes = false;
};

std::string bindings_json(const DeclareOptions& options) {
  std::string array = "[";
  for (const auto& pattern : options.bind) {
    if (array.size() > 1) array += ',';
    array += JsonWriter().text_if("exchange", options.exchange).text("routing_key", pattern).done();
  }
  return array + "]";
}

std::string definition_json(const DeclareOptions& o) {
  if (!o.definition.empty()) {
    InputFile file(o.definition);
    std::string whole;
    for (auto part = file.read(); !part.empty(); part = file.read()) whole += part;
    return whole;
  }
  if (o.bind.empty())
    throw CommandFailed(ExitCode::usage, "--bind is missing: which events shall the queue get? e.g. --bind 'user.*'");
  JsonWriter definition;
  definition.raw("bindings", bindings_json(o));
  const auto number = [&](std::string_view key, const std::optional<std::int64_t>& value) {
    if (value) definition.number(key, *value);
  };
  number("max_retries", o.max_retries);
  number("retry_delay_ms", o.retry_delay_ms);
  if (o.retry_backoff) definition.raw("retry_backoff", fmt::format("{}", *o.retry_backoff));
  number("retry_max_delay_ms", o.retry_max_delay_ms);
  number("message_ttl_ms", o.message_ttl_ms);
  number("max_length", o.max_length);
  number("lease_ms", o.lease_ms);
  definition.text_if("overflow", o.overflow).text_if("start_from", o.start_from);
  if (o.ordered) definition.raw("ordered", "true");
  return definition.done();
}

std::string bindings_text(const JsonObject& queue) {
  std::string text;
  for (const auto& binding : queue.objects("bindings")) {
    if (!text.empty()) text += ", ";
    const auto exchange = binding.text("exchange");
    text += exchange == "events" ? binding.text("routing_key") : exchange + " " + binding.text("routing_key");
  }
  return text;
}

std::string age_text(const JsonObject& queue) {
  if (!queue.has("oldest_age_seconds")) return "-";
  return fmt::format("{:.0f} s", std::stod(queue.text("oldest_age_seconds")));
}

std::string queues_table(const Console& console, const std::vector<JsonObject>& queues) {
  const auto right = Align::right;
  Table table({{"QUEUE"},
               {"READY", right},
               {"IN FLIGHT", right},
               {"DELAYED", right},
               {"DEAD", right},
               {"CONSUMERS", right},
               {"OLDEST", right},
               {"STATE"},
               {"BINDINGS", Align::left, true}});
  for (const auto& queue : queues) {
    table.add({queue.text("name"), grouped(queue.number("ready")), grouped(queue.number("in_flight")),
               grouped(queue.number("delayed")), grouped(queue.number("dead_letters")),
               grouped(queue.number("consumers")), age_text(queue), queue.truth("paused") ? "paused" : "active",
               bindings_text(queue)});
  }
  return table.text(console);
}

void print_queue(const Session& session, const std::string& body) {
  if (session.json) {
    session.console.out << body << "\n";
    return;
  }
  const JsonObject queue(body);
  for (const auto& [key, kind, value] : queue.members()) {
    const bool bindings = key == "bindings";
    const auto shown = bindings ? bindings_text(queue) : kind == JsonKind::null ? std::string("-") : value;
    session.console.out << fmt::format("{:<19} {}\n", key, printable(shown));
  }
}

ExitCode list_queues(const Session& session) {
  const auto body = Api(session).get("/queues");
  const auto queues = JsonObject(body).objects("queues");
  if (session.json) {
    session.console.out << body << "\n";
  } else if (queues.empty()) {
    session.console.err << "no queues; declare one with: eventbus queues declare NAME --bind 'user.*'\n";
  } else {
    session.console.out << queues_table(session.console, queues);
  }
  return ExitCode::ok;
}

ExitCode declare(const Session& session, const DeclareOptions& options) {
  HttpClient http(session.server());
  const auto answer =
      http.send({.method = "PUT", .target = queue_target(options.queue), .body = definition_json(options)});
  expect_success(answer);
  if (session.json) {
    session.console.out << answer.body << "\n";
  } else {
    const auto* what = answer.status == 201 ? "declared" : "was there already, and is now as given";
    session.console.out << fmt::format("{}: {}\n", printable(options.queue), what);
  }
  return ExitCode::ok;
}

ExitCode change_queue(const Session& session, const std::string& queue, std::string_view action,
                      std::string_view done) {
  const auto body = Api(session).post(queue_target(queue, action), "");
  session.console.out << (session.json ? body : fmt::format("{}: {}", printable(queue), done)) << "\n";
  return ExitCode::ok;
}

/// On a terminal a person is asked before something is gone for good.
bool agreed(const Session& session, const QueueOptions& options, std::string_view loses) {
  if (options.yes || !session.console.in_is_terminal) return true;
  const JsonObject queue(Api(session).get(queue_target(options.queue)));
  const auto waiting = queue.number("ready") + queue.number("delayed") + queue.number("in_flight");
  const auto dead = queue.number("dead_letters");
  if (waiting + dead == 0) return true;
  return session.console.confirm(fmt::format("'{}' holds {} events and {} dead letters; {}?", options.queue,
                                             grouped(waiting), grouped(dead), loses));
}

ExitCode remove(const Session& session, const QueueOptions& options) {
  if (!agreed(session, options, "delete the queue with all of them")) return ExitCode::failed;
  Api(session).remove(queue_target(options.queue));
  if (!session.json) session.console.out << "deleted; its events stay in the store\n";
  return ExitCode::ok;
}

ExitCode purge(const Session& session, const QueueOptions& options) {
  if (!agreed(session, options, "drop all that are ready or delayed")) return ExitCode::failed;
  const auto body = Api(session).post(queue_target(options.queue, "/purge"), "");
  if (session.json) {
    session.console.out << body << "\n";
  } else {
    session.console.out << fmt::format("{} events dropped from the queue\n",
                                       grouped(JsonObject(body).number("purged")));
  }
  return ExitCode::ok;
}

Command declare_command(Session& session) {
  auto options = std::make_shared<DeclareOptions>();
  auto& o = *options;
  return {
      .name = "declare",
      .summary = "declare a queue, or change one in place",
      .details =
          "Declaring the same queue again changes nothing. --ordered and --start-from are fixed when it is created.",
      .options = {{"QUEUE", "", "its name", &o.queue, true},
                  {"-b,--bind", "PATTERN", "routing keys it gets; * stands for one word, # for any number", &o.bind},
                  {"--exchange", "NAME", "exchange of the bindings", &o.exchange, false, {}, 0, 0, "events"},
                  {"--start-from",
                   "WHERE",
                   "now, beginning, or a time (RFC 3339): stored events to begin with",
                   &o.start_from,
                   false,
                   {},
                   0,
                   0,
                   "now"},
                  {"--ordered", "", "events of one ordering key one at a time and in order", &o.ordered},
                  {"--max-retries", "N", "retries before an event becomes a dead letter", &o.max_retries},
                  {"--retry-delay-ms", "MS", "longest wait before the first retry", &o.retry_delay_ms},
                  {"--retry-backoff",
                   "FACTOR",
                   "growth of that wait from retry to retry",
                   &o.retry_backoff,
                   false,
                   {},
                   1,
                   1000},
                  {"--retry-max-delay-ms", "MS", "longest wait before any retry", &o.retry_max_delay_ms},
                  {"--lease-ms", "MS", "how long a delivery may stay unanswered", &o.lease_ms},
                  {"--message-ttl-ms", "MS", "how long an event may wait before it becomes a dead letter",
                   &o.message_ttl_ms},
                  {"--max-length", "N", "most events waiting", &o.max_length},
                  {"--overflow", "POLICY", "what happens beyond that", &o.overflow, false, {"reject", "drop_oldest"}},
                  {"--definition", "FILE", "the whole definition as JSON instead; - is standard input", &o.definition}},
      .examples = {{"eventbus queues declare mailer --bind 'user.*' --bind order.paid", "two bindings"},
                   {"eventbus queues declare audit --bind '#' --start-from beginning",
                    "everything, from the first event on"},
                   {"eventbus queues declare ledger --bind 'payment.#' --ordered --max-retries 10",
                    "in order of each key"}},
      .run = [&session, options] { return declare(session, *options); }};
}

using QueueAction = ExitCode (*)(const Session&, const QueueOptions&);

Command queue_command(Session& session, std::string name, std::string summary, QueueAction action, bool asks) {
  auto options = std::make_shared<QueueOptions>();
  Command command{.name = name,
                  .summary = std::move(summary),
                  .options = {{"QUEUE", "", "the queue", &options->queue, true}},
                  .examples = {{"eventbus queues " + name + " mailer", "the queue 'mailer'"}},
                  .run = [&session, options, action] { return action(session, *options); }};
  if (asks) command.options.push_back({"-y,--yes", "", "don't ask", &options->yes});
  return command;
}

ExitCode show(const Session& session, const QueueOptions& options) {
  print_queue(session, Api(session).get(queue_target(options.queue)));
  return ExitCode::ok;
}

ExitCode pause(const Session& session, const QueueOptions& options) {
  return change_queue(session, options.queue, "/pause", "paused; events are kept until it is resumed");
}
ExitCode resume(const Session& session, const QueueOptions& options) {
  return change_queue(session, options.queue, "/resume", "delivers again");
}

}  // namespace

Command queues_command(Session& session) {
  Command list_all{.name = "list",
                   .summary = "list all queues and where they stand",
                   .examples = {{"watch eventbus queues list", "refreshed every two seconds"}},
                   .run = [&session] { return list_queues(session); }};
  return {.name = "queues",
          .summary = "declare, inspect and operate queues",
          .subcommands = {std::move(list_all),
                          queue_command(session, "show", "show a queue's definition and where it stands", show, false),
                          declare_command(session),
                          queue_command(session, "delete",
                                        "delete a queue with its dead letters; events stay in the store", remove, true),
                          queue_command(session, "purge", "drop everything that waits in a queue", purge, true),
                          queue_command(session, "pause", "accept events but deliver none", pause, false),
                          queue_command(session, "resume", "deliver again", resume, false)}};
}

}  // namespace eventbus::cli
