#include <fmt/format.h>

#include <ostream>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/console/table.hpp"
#include "eventbus/client/targets.hpp"

namespace eventbus::cli {
namespace {

/// From this many on a person at a terminal is asked first.
constexpr std::uint64_t many = 100;

struct DeadLettersOptions {
  std::string queue;
  std::int64_t limit = 100;
  std::string cursor;
};

struct SelectOptions {
  std::string queue;
  std::vector<std::string> ids;
  std::string reason;
  bool all = false;
  std::optional<std::int64_t> rate;
  bool dry_run = false;
  bool yes = false;
};

std::string target_of(const std::string& queue, std::string_view action = {}) {
  return queue_target(queue, "/dead-letters") + std::string(action);
}

ExitCode list_dead_letters(const Session& session, const DeadLettersOptions& options) {
  Target target(target_of(options.queue));
  target.with("limit", std::to_string(options.limit)).with("cursor", options.cursor);
  const auto body = Api(session).get(target.text());
  if (session.json) {
    session.console.out << body << "\n";
    return ExitCode::ok;
  }
  const JsonObject page(body);
  Table table({{"LAST FAILED"},
               {"REASON"},
               {"ATTEMPTS", Align::right},
               {"TYPE"},
               {"EVENT ID"},
               {"PAYLOAD", Align::left, true}});
  for (const auto& letter : page.objects("dead_letters")) {
    const auto event = letter.object("event");
    table.add({letter.text("last_failed_at"), letter.text("reason"), letter.text("attempts"), event.text("event_type"),
               event.text("event_id"), event.json("payload")});
  }
  if (table.empty()) {
    session.console.err << "no dead letters\n";
    return ExitCode::ok;
  }
  session.console.out << table.text(session.console);
  if (page.has("next_cursor")) session.console.err << fmt::format("more with: --cursor {}\n", page.text("next_cursor"));
  return ExitCode::ok;
}

std::string selection_json(const SelectOptions& options, bool dry_run) {
  JsonWriter selection;
  if (!options.ids.empty()) selection.texts("event_ids", options.ids);
  selection.text_if("reason", options.reason);
  if (options.all) selection.raw("all", "true");
  if (options.rate) selection.number("events_per_second", *options.rate);
  if (dry_run) selection.raw("dry_run", "true");
  return selection.done();
}

void check_selection(const SelectOptions& options) {
  const int given = int{!options.ids.empty()} + int{!options.reason.empty()} + int{options.all};
  if (given != 1)
    throw CommandFailed(ExitCode::usage, "say which dead letters: give exactly one of --id, --reason and --all");
}

/// What redriving and deleting have in common; they differ in the request and the words.
struct Operation {
  std::string_view method;
  std::string_view path;
  std::string_view verb;
  std::string_view done;
};
constexpr Operation redrive{"POST", "/redrive", "redrive", "redriven"};
constexpr Operation erase{"DELETE", "", "delete", "deleted"};

std::string carry_out(const Session& session, const SelectOptions& options, const Operation& operation, bool dry_run) {
  HttpClient http(session.server(), std::chrono::minutes(5));
  const auto answer = http.send({.method = std::string(operation.method),
                                 .target = target_of(options.queue, operation.path),
                                 .body = selection_json(options, dry_run)});
  expect_success(answer);
  return answer.body;
}

ExitCode run(const Session& session, const SelectOptions& options, const Operation& operation) {
  check_selection(options);
  if (!options.yes && !options.dry_run && session.console.in_is_terminal) {
    const JsonObject would(carry_out(session, options, operation, true));
    const auto count = would.number("matched") - would.number("left");
    const auto question = fmt::format("{} {} dead letters of '{}'?", operation.verb, grouped(count), options.queue);
    if (count >= many && !session.console.confirm(question)) return ExitCode::failed;
  }
  const auto body = carry_out(session, options, operation, options.dry_run);
  const JsonObject answer(body);
  const auto left = answer.number("left");
  const auto count = grouped(answer.number("matched") - left);
  if (session.json) {
    session.console.out << body << "\n";
  } else if (options.dry_run) {
    session.console.out << fmt::format("{} dead letters would be {}\n", count, operation.done);
  } else if (options.rate) {
    session.console.out << fmt::format("{} dead letters are being {}, {} a second\n", count, operation.done,
                                       *options.rate);
  } else {
    session.console.out << fmt::format("{} dead letters {}\n", count, operation.done);
  }
  if (left > 0 && !session.json)
    session.console.out << fmt::format(
        "{} {} left, since the queue takes no more. Redrive them when consumers have caught up.\n", grouped(left),
        options.dry_run ? "would be" : "are");
  return ExitCode::ok;
}

Command list_dead_letters_command(Session& session) {
  auto options = std::make_shared<DeadLettersOptions>();
  return {.name = "list",
          .summary = "list the events that a queue gave up on",
          .options = {{"QUEUE", "", "the queue", &options->queue, true},
                      {"-n,--limit", "N", "most dead letters", &options->limit, false, {}, 1, 1000},
                      {"--cursor", "CURSOR", "go on where a listing ended", &options->cursor}},
          .examples = {{"eventbus dead-letters list mailer", "the oldest 100"}},
          .run = [&session, options] { return list_dead_letters(session, *options); }};
}

Command operation_command(Session& session, const Operation& operation, std::string summary) {
  auto options = std::make_shared<SelectOptions>();
  auto& o = *options;
  const std::string verb(operation.verb);
  return {.name = verb,
          .summary = std::move(summary),
          .details = fmt::format("On a terminal it asks first when {} or more match, unless --yes is given.", many),
          .options = {{"QUEUE", "", "the queue", &o.queue, true},
                      {"--id", "EVENT_ID", "these events", &o.ids},
                      {"--reason", "REASON", "all with this reason, e.g. max_retries", &o.reason},
                      {"--all", "", "all of the queue", &o.all},
                      {"--rate",
                       "N",
                       "at most so many a second; the rest goes on after the command",
                       &o.rate,
                       false,
                       {},
                       1,
                       1000000},
                      {"--dry-run", "", "only count them", &o.dry_run},
                      {"-y,--yes", "", "don't ask", &o.yes}},
          .examples = {{"eventbus dead-letters " + verb + " mailer --all --dry-run", "how many there are"},
                       {"eventbus dead-letters " + verb + " mailer --reason max_retries --rate 50", "gently"}},
          .run = [&session, options, &operation] { return run(session, *options, operation); }};
}

}  // namespace

Command dead_letters_command(Session& session) {
  return {.name = "dead-letters",
          .summary = "inspect, redrive and delete dead letters",
          .subcommands = {list_dead_letters_command(session),
                          operation_command(session, redrive, "put dead letters back into their queue as fresh events"),
                          operation_command(session, erase, "delete dead letters; the events stay in the store")}};
}

}  // namespace eventbus::cli
