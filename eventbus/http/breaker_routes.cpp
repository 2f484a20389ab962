#include <algorithm>
#include <string>

#include "eventbus/core/json.hpp"
#include "eventbus/http/call.hpp"
#include "eventbus/http/route.hpp"

namespace eventbus {
namespace {

std::string_view name_of(CircuitBreaker::State state) {
  using enum CircuitBreaker::State;
  return state == closed ? "closed" : state == half_open ? "half_open" : "open";
}

void append_breaker(std::string& out, const DependencyGuard& guard) {
  const auto& breaker = guard.breaker();
  out += R"({"name":)";
  append_json_string(out, breaker.name());
  out += R"(,"state":")";
  out += name_of(breaker.state());
  out += R"(","failures":)" + std::to_string(breaker.failures()) + R"(,"next_probe_at":)";
  if (const auto next = guard.next_probe_at()) {
    append_json_string(out, format_timestamp(*next));
  } else {
    out += "null";
  }
  out += breaker.held_open() ? R"(,"held_open":true})" : R"(,"held_open":false})";
}

Result<void> list_breakers(Call& call) {
  auto& body = call.answer.body;
  body = R"({"breakers":[)";
  for (const auto* guard : call.services.bus.guards) {
    if (body.back() == '}') body += ',';
    append_breaker(body, *guard);
  }
  body += "]}";
  return {};
}

std::string known_names(const Bus& bus) {
  std::string names;
  for (const auto* guard : bus.guards) names += (names.empty() ? "" : ", ") + guard->breaker().name();
  return names.empty() ? "The embedded engine has none." : "There are: " + names + ".";
}

template <void (DependencyGuard::*act)()>
Result<void> change_breaker(Call& call) {
  const auto& guards = call.services.bus.guards;
  const auto named = [&call](const DependencyGuard* guard) { return guard->breaker().name() == call.parameter; };
  const auto found = std::ranges::find_if(guards, named);
  if (found == guards.end()) {
    return fail(ErrorCode::not_found,
                "There is no circuit breaker '" + call.parameter + "'. " + known_names(call.services.bus));
  }
  ((*found)->*act)();
  append_breaker(call.answer.body, **found);
  return {};
}

Route route(http::verb method, std::string_view path, std::string_view id, std::string_view summary,
            std::string_view description, SyncHandler handler) {
  return {.method = method,
          .path = path,
          .operation_id = id,
          .tag = "Operations",
          .summary = summary,
          .description = description,
          .answers = {{200, "The breaker.", json_type, R"({"$ref":"#/components/schemas/Breaker"})"}},
          .errors = {ErrorCode::not_found},
          .handler = handler,
          .load = Load::exempt};
}

Route list_breakers_route() {
  auto list = route(http::verb::get, "/breakers", "listBreakers", "List the circuit breakers",
                    "One for each dependency. After 5 failures in a row a breaker opens and calls fail at once; from "
                    "next_probe_at on one call may probe, and its success closes it. None on the embedded engine.",
                    list_breakers);
  list.answers = {
      {200, "Every breaker.", json_type,
       R"({"type":"object","required":["breakers"],"properties":{"breakers":{"type":"array","items":{"$ref":"#/components/schemas/Breaker"}}}})"}};
  list.errors = {};
  return list;
}

}  // namespace

std::vector<Route> breaker_routes() {
  return {list_breakers_route(),
          route(http::verb::post, "/breakers/{name}/open", "openBreaker", "Hold a circuit breaker open",
                "Calls to the dependency are refused, without probes, until it is closed or reset. postgres: "
                "publishing and reading answer 503. rabbitmq: publishing goes on, relaying pauses, consuming answers "
                "503. Of this instance only; a restart forgets it.",
                change_breaker<&DependencyGuard::open>),
          route(http::verb::post, "/breakers/{name}/close", "closeBreaker", "Close a circuit breaker",
                "Calls go through at once. If the dependency still fails it opens again, for as long as before.",
                change_breaker<&DependencyGuard::close>),
          route(http::verb::post, "/breakers/{name}/reset", "resetBreaker", "Reset a circuit breaker",
                "As after a start: closed, and the failures so far are forgotten.",
                change_breaker<&DependencyGuard::reset>)};
}

}  // namespace eventbus
