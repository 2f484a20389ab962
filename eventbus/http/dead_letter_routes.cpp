#include "eventbus/core/cursor.hpp"
#include "eventbus/core/event_json.hpp"
#include "eventbus/core/json.hpp"
#include "eventbus/http/body_fields.hpp"
#include "eventbus/http/call.hpp"
#include "eventbus/http/route.hpp"

namespace eventbus {
namespace {

constexpr std::size_t listed_by_default = 100;
constexpr std::size_t most_listed = 1000;
constexpr std::uint64_t fastest_rate = 1000000;

void append_dead_letter(std::string& out, const DeadLetter& letter) {
  out += R"({"event":)";
  append_stored_event(out, letter.event);
  out += R"(,"reason":)";
  append_json_string(out, letter.reason);
  out += R"(,"attempts":)" + std::to_string(letter.attempts) + R"(,"first_failed_at":")";
  append_timestamp(out, letter.first_failed_at);
  out += R"(","last_failed_at":")";
  append_timestamp(out, letter.last_failed_at);
  out += R"("})";
}

asio::awaitable<Result<void>> list_dead_letters(Call& call) {
  auto parameters = call.parameters();
  const auto limit = parameters.integer("limit", 1, most_listed, listed_by_default);
  const auto after = parameters.has("cursor") ? decode_dead_letter(parameters.text("cursor")) : DeadLetterCursor{};
  if (!after) parameters.refuse("cursor", "must be the next_cursor of a listing");
  if (auto checked = parameters.check(); !checked) co_return checked;
  auto page = co_await call.services.bus.broker.dead_letters(call.parameter, *after, limit);
  if (!page) co_return std::unexpected(std::move(page.error()));
  auto& body = call.answer.body;
  body += R"({"dead_letters":[)";
  for (const auto& letter : page->dead_letters) {
    if (&letter != &page->dead_letters.front()) body += ',';
    append_dead_letter(body, letter);
  }
  body += R"(],"next_cursor":)";
  body += page->next ? '"' + encode(*page->next) + '"' : std::string("null");
  body += '}';
  co_return Result<void>{};
}

struct Choice {
  DeadLetterSelection selection;
  std::uint32_t events_per_second = 0;
  bool dry_run = false;
};

Result<Choice> read_choice(std::string_view body) {
  auto fields = BodyFields::parse(body, {"event_ids", "reason", "all", "events_per_second", "dry_run"});
  if (!fields) return std::unexpected(std::move(fields.error()));
  Choice choice;
  choice.selection.event_ids = fields->texts("event_ids", 1, most_ids).value_or(std::vector<std::string>{});
  choice.selection.reason = fields->text("reason", longest_reason).value_or("");
  choice.selection.all = fields->boolean("all").value_or(false);
  choice.events_per_second =
      static_cast<std::uint32_t>(fields->integer("events_per_second", 1, fastest_rate).value_or(0));
  choice.dry_run = fields->boolean("dry_run").value_or(false);
  const int given = int{fields->has("event_ids")} + int{fields->has("reason")} + int{fields->has("all")};
  if (given != 1) fields->refuse("all", "give exactly one of event_ids, reason and all:true");
  if (given == 1 && fields->has("all") && !choice.selection.all)
    fields->refuse("all", "must be true where it is given");
  if (auto checked = fields->check(); !checked) return std::unexpected(std::move(checked.error()));
  return choice;
}

/// An object of these numbers.
std::string answer_of(std::initializer_list<std::pair<std::string_view, std::uint64_t>> numbers, const Choice& choice) {
  std::string body = "{";
  for (const auto& [name, number] : numbers) body += '"' + std::string(name) + "\":" + std::to_string(number) + ',';
  return body + R"("dry_run":)" + (choice.dry_run ? "true}" : "false}");
}

asio::awaitable<Result<void>> redrive(Call& call) {
  const auto choice = read_choice(call.body);
  if (!choice) co_return std::unexpected(choice.error());
  auto outcome = co_await call.services.bus.broker.redrive(call.parameter, choice->selection, choice->events_per_second,
                                                           choice->dry_run);
  if (!outcome) co_return std::unexpected(std::move(outcome.error()));
  const auto [matched, redriven] = *outcome;
  call.answer.body = answer_of({{"matched", matched}, {"redriven", redriven}, {"left", matched - redriven}}, *choice);
  co_return Result<void>{};
}

asio::awaitable<Result<void>> delete_dead_letters(Call& call) {
  const auto choice = read_choice(call.body);
  if (!choice) co_return std::unexpected(choice.error());
  auto matched = co_await call.services.bus.broker.delete_dead_letters(call.parameter, choice->selection,
                                                                       choice->events_per_second, choice->dry_run);
  if (!matched) co_return std::unexpected(std::move(matched.error()));
  call.answer.body = answer_of({{"matched", *matched}}, *choice);
  co_return Result<void>{};
}

constexpr std::string_view matched_schema =
    R"({"type":"object","required":["matched","dry_run"],"properties":{"matched":{"type":"integer","minimum":0},"dry_run":{"type":"boolean"}}})";
constexpr std::string_view redriven_schema =
    R"({"type":"object","required":["matched","redriven","left","dry_run"],"properties":{"matched":{"type":"integer","minimum":0},"redriven":{"type":"integer","minimum":0,"description":"Are back in the queue or follow; with dry_run: would be."},"left":{"type":"integer","minimum":0,"description":"Stay dead letters, since the queue is full."},"dry_run":{"type":"boolean"}}})";

Route route(http::verb method, std::string_view path, std::string_view id, std::string_view summary,
            std::string_view description, std::string_view schema, AsyncHandler handler) {
  return {.method = method,
          .path = path,
          .operation_id = id,
          .tag = "Dead letters",
          .summary = summary,
          .description = description,
          .body = {{json_type, R"({"$ref":"#/components/schemas/DeadLetterChoice"})",
                    R"({"reason":"max_retries","events_per_second":50})"}},
          .answers = {{200, "How many dead letters match.", json_type, schema}},
          .errors = {ErrorCode::unknown_queue},
          .handler = handler};
}

Route list_dead_letters_route() {
  auto list = route(http::verb::get, "/queues/{queue}/dead-letters", "listDeadLetters", "List dead letters",
                    "In the order the events were stored.", {}, list_dead_letters);
  list.errors.push_back(ErrorCode::cursor_lost);
  list.body = {};
  list.parameters = {
      {"limit", R"({"type":"integer","minimum":1,"maximum":1000,"default":100})", "Most dead letters of a page."},
      {"cursor", R"({"type":"string","minLength":1,"maxLength":1024})", "next_cursor of the page before."}};
  list.answers = {{200, "One page.", json_type, R"({"$ref":"#/components/schemas/DeadLetters"})"}};
  return list;
}

}  // namespace

std::vector<Route> dead_letter_routes() {
  return {
      list_dead_letters_route(),
      route(http::verb::post, "/queues/{queue}/dead-letters/redrive", "redriveDeadLetters",
            "Deliver dead letters again",
            "As fresh events: at the end of the queue, attempt 1. A full queue whose overflow is reject takes what "
            "it has room for; the others are left. With events_per_second the answer comes at once and the rest "
            "follows at that pace. With dry_run they are only counted.",
            redriven_schema, redrive),
      route(http::verb::delete_, "/queues/{queue}/dead-letters", "deleteDeadLetters", "Delete dead letters",
            "The events stay in the store. With dry_run they are only counted.", matched_schema, delete_dead_letters)};
}

}  // namespace eventbus
