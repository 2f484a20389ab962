#include "eventbus/core/json.hpp"
#include "eventbus/http/body_fields.hpp"
#include "eventbus/http/call.hpp"
#include "eventbus/http/route.hpp"

namespace eventbus {
namespace {

Result<void> health(Call& call) {
  call.answer.body = R"({"status":"healthy","service":"event-bus"})";
  return {};
}

Result<void> ready(Call& call) {
  const auto readiness = call.services.readiness();
  const bool is_ready = readiness.ready && !call.services.draining;
  auto& answer = call.answer;
  answer.body = is_ready ? R"({"status":"ready")" : R"({"status":"not ready")";
  for (const auto& [part, state] : readiness.parts) {
    answer.body += ',';
    append_json_string(answer.body, part);
    answer.body += ':';
    append_json_string(answer.body, state);
  }
  answer.body += '}';
  if (is_ready) return {};
  answer.status = 503;
  answer.add_header("Retry-After", "1");
  return {};
}

Result<void> metrics(Call& call) {
  call.answer.content_type = prometheus_type;
  call.answer.body = call.services.registry.serialize();
  return {};
}

Result<void> openapi(Call& call) {
  call.answer.body = call.services.openapi;
  return {};
}

Result<void> docs(Call& call) {
  call.answer.content_type = html_type;
  call.answer.body = call.services.docs;
  return {};
}

Result<void> show_mode(Call& call) {
  const bool normal = call.services.bus.modes.mode() == BusMode::normal;
  call.answer.body = normal ? R"({"mode":"normal"})" : R"({"mode":"read_only"})";
  return {};
}

asio::awaitable<Result<void>> set_mode(Call& call) {
  auto fields = BodyFields::parse(call.body, {"mode"});
  if (!fields) co_return std::unexpected(std::move(fields.error()));
  fields->require("mode");
  const auto mode = fields->text("mode", 16).value_or("normal");
  if (mode != "normal" && mode != "read_only") fields->refuse("mode", "must be normal or read_only");
  if (auto checked = fields->check(); !checked) co_return checked;
  co_await call.services.bus.modes.set(mode == "normal" ? BusMode::normal : BusMode::read_only);
  co_return show_mode(call);
}

Route route(std::string_view path, std::string_view id, std::string_view summary, std::string_view description,
            AnswerDoc answer, SyncHandler handler) {
  return {.method = http::verb::get,
          .path = path,
          .operation_id = id,
          .tag = "Operations",
          .summary = summary,
          .description = description,
          .answers = {answer},
          .handler = handler,
          .load = Load::exempt};
}

constexpr std::string_view mode_schema = R"({"$ref":"#/components/schemas/Mode"})";
constexpr std::string_view readiness_schema = R"({"$ref":"#/components/schemas/Readiness"})";

Route health_route() {
  auto health_answer = route(
      "/health", "getHealth", "Whether the process serves", "Probes may add any query.",
      {200, "It does.", json_type,
       R"({"type":"object","required":["status","service"],"properties":{"status":{"const":"healthy"},"service":{"const":"event-bus"}}})"},
      health);
  health_answer.any_query = true;
  return health_answer;
}

Route ready_route() {
  auto readiness = route("/ready", "getReadiness", "Whether to send requests here",
                         "Not ready while a part is down or the service drains. Probes may add any query.",
                         {200, "Ready.", json_type, readiness_schema}, ready);
  readiness.any_query = true;
  readiness.answers.push_back({503, "Not ready.", json_type, readiness_schema});
  return readiness;
}

Route set_mode_route() {
  auto setting = route("/mode", "setMode", "Switch read-only mode",
                       "In read-only mode publishing answers 503; reading and consuming go on. It holds on all "
                       "instances within two seconds, and over restarts.",
                       {200, "The new mode.", json_type, mode_schema}, show_mode);
  setting.handler = set_mode;
  setting.method = http::verb::put;
  setting.body = {{json_type, mode_schema, R"({"mode":"normal"})"}};
  return setting;
}

}  // namespace

std::vector<Route> operations_routes() {
  return {health_route(),
          ready_route(),
          route("/metrics", "getMetrics", "Prometheus metrics", "Text format 0.0.4.",
                {200, "All metrics.", "text/plain", R"({"type":"string"})"}, metrics),
          route("/mode", "getMode", "The service's mode", "", {200, "The mode.", json_type, mode_schema}, show_mode),
          set_mode_route(),
          route("/openapi.json", "getOpenApi", "This description", "OpenAPI 3.1.",
                {200, "The document.", json_type, R"({"type":"object"})"}, openapi),
          route("/docs", "getDocs", "This description for people", "",
                {200, "A page that needs nothing else.", "text/html", R"({"type":"string"})"}, docs)};
}

}  // namespace eventbus
