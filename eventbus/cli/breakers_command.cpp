#include <fmt/format.h>

#include <ostream>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/console/table.hpp"
#include "eventbus/client/targets.hpp"

namespace eventbus::cli {
namespace {

std::string state_text(const JsonObject& breaker) {
  const auto state = breaker.text("state") == "half_open" ? std::string("half-open") : breaker.text("state");
  return breaker.truth("held_open") ? state + ", held by hand" : state;
}

std::string breakers_table(const Console& console, const std::vector<JsonObject>& breakers) {
  Table table({{"BREAKER"}, {"STATE"}, {"FAILURES", Align::right}, {"NEXT PROBE"}});
  for (const auto& breaker : breakers) {
    table.add({breaker.text("name"), state_text(breaker), grouped(breaker.number("failures")),
               breaker.has("next_probe_at") ? breaker.text("next_probe_at") : "-"});
  }
  return table.text(console);
}

ExitCode list_breakers(const Session& session) {
  const auto body = Api(session).get("/breakers");
  const auto breakers = JsonObject(body).objects("breakers");
  if (session.json) {
    session.console.out << body << "\n";
  } else if (breakers.empty()) {
    session.console.err << "no circuit breakers: the embedded engine depends on nothing\n";
  } else {
    session.console.out << breakers_table(session.console, breakers);
  }
  return ExitCode::ok;
}

ExitCode change_breaker(const Session& session, const std::string& name, const std::string& action,
                        std::string_view done) {
  const auto body = Api(session).post(breaker_target(name, "/" + action), "");
  session.console.out << (session.json ? body : fmt::format("{}: {}", printable(name), done)) << "\n";
  return ExitCode::ok;
}

struct BreakerAction {
  std::string name;
  std::string summary;
  std::string details;
  std::string example;
  std::string example_says;
  std::string done;
};

Command action_command(Session& session, BreakerAction action) {
  auto breaker = std::make_shared<std::string>();
  return {.name = action.name,
          .summary = action.summary,
          .details = action.details,
          .options = {{"BREAKER", "", "its name, e.g. postgres or rabbitmq", breaker.get(), true}},
          .examples = {{"eventbus breakers " + action.name + " " + action.example, action.example_says}},
          .run = [&session, breaker, action] { return change_breaker(session, *breaker, action.name, action.done); }};
}

}  // namespace

Command breakers_command(Session& session) {
  Command list_all{.name = "list",
                   .summary = "list the circuit breakers and their states",
                   .examples = {{"eventbus breakers list", "none on the embedded engine"}},
                   .run = [&session] { return list_breakers(session); }};
  return {.name = "breakers",
          .summary = "inspect and operate the circuit breakers of the database and RabbitMQ",
          .subcommands = {
              std::move(list_all),
              action_command(session, {"open", "hold a breaker open: calls to the dependency are refused",
                                       "Of the one instance at --url, and until it is closed, reset or restarted. With "
                                       "postgres held open publishing\nand reading answer 503; with rabbitmq held open "
                                       "publishing goes on, relaying pauses and consuming answers 503.",
                                       "rabbitmq", "before work on RabbitMQ",
                                       "held open; close it with: eventbus breakers close"}),
              action_command(session, {"close", "close a breaker: calls go through at once",
                                       "If the dependency still fails, it opens again for as long as before.",
                                       "rabbitmq", "after that work", "closed"}),
              action_command(session, {"reset", "make a breaker as new: closed, without failures", "", "postgres",
                                       "forget what happened", "reset"})}};
}

}  // namespace eventbus::cli
