#include <algorithm>

#include "eventbus/core/cloudevents.hpp"
#include "eventbus/core/json.hpp"
#include "eventbus/http/batch_publish.hpp"
#include "eventbus/http/call.hpp"
#include "eventbus/http/event_answers.hpp"
#include "eventbus/http/media_type.hpp"
#include "eventbus/http/ndjson_publish.hpp"
#include "eventbus/http/route.hpp"

namespace eventbus {
namespace {

constexpr std::string_view event_example = R"({"event_type":"user.created","payload":{"user_id":123}})";
constexpr std::string_view cloudevent_example =
    R"({"specversion":"1.0","id":"ce-1","source":"/shop","type":"order.paid","data":{"order":7}})";
constexpr std::string_view batch_problem = R"({"$ref":"#/components/schemas/BatchProblem"})";
constexpr std::uint64_t longest_confirm_wait_ms = 60000;
constexpr std::uint64_t usual_confirm_wait_ms = 5000;

bool binary_cloudevent(const Request& request) {
  return !request.header("ce-specversion").empty() || !request.header("ce-id").empty() ||
         !request.header("ce-type").empty();
}

std::vector<std::pair<std::string, std::string>> cloudevent_attributes(const Request& request) {
  constexpr std::string_view prefix = "ce-";
  std::vector<std::pair<std::string, std::string>> attributes;
  for (const auto& header : request.headers) {
    std::string name(header.name);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (name.starts_with(prefix)) attributes.emplace_back(name.substr(prefix.size()), header.value);
  }
  return attributes;
}

/// In binary mode Content-Type is that of the data, which may be any kind of JSON.
std::string_view media_type_of(const Request& request) {
  const auto type = request.header(http::field::content_type);
  const bool envelope = is_media_type(type, cloudevent_type) || is_media_type(type, cloudevent_batch_type);
  const auto essence = type.substr(0, type.find_first_of("; \t"));
  const bool data = binary_cloudevent(request) && !envelope && is_json_media_type(essence);
  return data && is_media_type(type, essence) ? json_type : type;
}

Result<EventDraft> parse_draft(const Call& call) {
  const auto context = call.publish_context();
  if (call.format->media_type == cloudevent_type) return parse_cloudevent(call.body, context);
  if (!binary_cloudevent(call.request)) return parse_event(call.body, context);
  return parse_binary_cloudevent(cloudevent_attributes(call.request), call.request.header(http::field::content_type),
                                 call.body, context);
}

/// Whether the id is the same after clients and proxies have brought its path into normal form, which takes out ".",
/// ".." and empty segments, encoded or not.
bool survives_as_path(std::string_view event_id) {
  for (std::size_t begin = 0; begin <= event_id.size();) {
    const auto end = std::min(event_id.find('/', begin), event_id.size());
    const auto segment = event_id.substr(begin, end - begin);
    if (segment.empty() || segment == "." || segment == "..") return false;
    begin = end + 1;
  }
  return true;
}

/// Where a GET finds the event: its path, or where that is another route's or wouldn't arrive, its id as a parameter.
void add_location(Call& call, std::string_view event_id) {
  constexpr std::string_view prefix = "/events/";
  std::string path(prefix);
  append_path_encoded(path, event_id);
  const auto found = call.services.router.find(http::verb::get, path);
  if (found.parameter.size() != path.size() - prefix.size() || !survives_as_path(event_id))
    path.replace(0, prefix.size(), "/events/by-id?event_id=");
  call.answer.add_header("Location", path);
}

void answer_published(Call& call, const PublishOutcome& outcome, bool wait_for_broker) {
  const auto& event = *outcome.event.event;
  auto& answer = call.answer;
  answer.status = outcome.status == AppendStatus::duplicate ? 200 : 201;
  if (wait_for_broker && !outcome.published) answer.status = 202;
  answer.body += R"({"event_id":)";
  append_json_string(answer.body, event.event_id);
  answer.body.append(R"(,"status":")").append(publish_status(outcome)).append(R"("})");
  answer.correlation_id = event.correlation_id;
  add_location(call, event.event_id);
}

/// How long to wait for the broker; none when the store is enough.
Result<std::optional<std::chrono::milliseconds>> wait_for_broker(const Call& call) {
  if (call.query.empty()) return std::nullopt;
  auto parameters = call.parameters();
  const bool published = parameters.choice("wait", {"stored", "published"}) == "published";
  const std::chrono::milliseconds wait(
      parameters.integer("timeout_ms", 0, longest_confirm_wait_ms, usual_confirm_wait_ms));
  if (auto checked = parameters.check(); !checked) return std::unexpected(std::move(checked.error()));
  return published ? std::optional(wait) : std::nullopt;
}

asio::awaitable<Result<void>> refuse(Call& call, Error error) {
  call.services.metrics.count_rejected(error.code);
  co_return std::unexpected(std::move(error));
}

asio::awaitable<Result<void>> publish(Call& call) {
  const auto wait = wait_for_broker(call);
  if (!wait) co_return std::unexpected(wait.error());
  auto draft = parse_draft(call);
  if (!draft) co_return co_await refuse(call, std::move(draft.error()));
  auto outcome = co_await call.services.bus.publisher.publish(std::move(*draft));
  if (!outcome) co_return co_await refuse(call, std::move(outcome.error()));
  if (publish_status(*outcome).empty()) co_return co_await refuse(call, refusal_of(*outcome));
  auto* relay = call.services.bus.relay;
  if (*wait && relay != nullptr)
    outcome->published = co_await relay->wait_published(outcome->event.position, Connection::Clock::now() + **wait);
  answer_published(call, *outcome, wait->has_value());
  co_return Result<void>{};
}

asio::awaitable<Result<void>> publish_json_batch(Call& call, bool atomic) {
  const bool cloudevents = call.format->media_type == cloudevent_batch_type;
  const auto context = call.publish_context();
  auto drafts = cloudevents ? parse_cloudevent_batch(call.body, context) : parse_event_batch(call.body, context);
  if (!drafts) co_return std::unexpected(std::move(drafts.error()));
  BatchPublish batch(call, BatchResult::Detail::all, atomic);
  for (std::size_t index = 0; index < drafts->size(); ++index) {
    auto& draft = (*drafts)[index];
    if (draft) {
      batch.take({index}, std::move(*draft), 0);
    } else {
      const auto& [text, place] = batch.result().element(index);
      const auto faulty = examine_faulty(text, cloudevents ? "id" : "event_id", place);
      batch.result().refuse({index, place}, faulty.event_id, draft.error());
    }
  }
  co_await batch.finish(true);
  batch.result().answer();
  co_return Result<void>{};
}

asio::awaitable<Result<void>> publish_batch(Call& call) {
  auto parameters = call.parameters();
  const bool atomic = parameters.flag("atomic");
  if (auto checked = parameters.check(); !checked) co_return checked;
  if (call.format->streamed) co_return co_await publish_ndjson(call, atomic);
  co_return co_await publish_json_batch(call, atomic);
}

Route publish_route() {
  return {.method = http::verb::post,
          .path = "/events",
          .operation_id = "publishEvent",
          .tag = "Publish",
          .summary = "Publish one event",
          .description =
              "The answer comes when the event is durable: it is then delivered at least once to every queue whose "
              "bindings "
              "match. The same event_id with the same content is a duplicate and stored once; with different content a "
              "conflict. CloudEvents 1.0 are understood in structured mode (by content type) and in binary mode (ce-* "
              "headers): there the body is the data, any JSON value, and Content-Type may be any kind of JSON "
              "(application/json, …+json).",
          .parameters = {{"wait", R"({"type":"string","enum":["stored","published"],"default":"stored"})",
                          "What to wait for: durable in the store, or confirmed by the broker too."},
                         {"timeout_ms", R"({"type":"integer","minimum":0,"maximum":60000,"default":5000})",
                          "Longest wait for the broker's confirm; then the answer is 202."},
                         {"traceparent", R"({"type":"string"})", "W3C trace context; travels with the event.",
                          ParameterDoc::Place::header}},
          .body = {{json_type, R"({"$ref":"#/components/schemas/NewEvent"})", event_example},
                   {cloudevent_type, R"({"$ref":"#/components/schemas/CloudEvent"})", cloudevent_example}},
          .media_type_of = media_type_of,
          .body_limit = BodyLimit::event,
          .answers = {{201, "Stored. Location names the event.", json_type,
                       R"({"$ref":"#/components/schemas/Published"})", "Location"},
                      {200, "Was stored before with the same content.", json_type,
                       R"({"$ref":"#/components/schemas/Published"})", "Location"},
                      {202, "Stored; the broker did not confirm in time.", json_type,
                       R"({"$ref":"#/components/schemas/Published"})", "Location"}},
          .errors = {ErrorCode::conflict, ErrorCode::queue_full, ErrorCode::read_only, ErrorCode::draining},
          .handler = publish};
}

Route batch_route() {
  return {
      .method = http::verb::post,
      .path = "/events/batch",
      .operation_id = "publishBatch",
      .tag = "Publish",
      .summary = "Publish many events",
      .description =
          "A JSON document of up to 16 MiB, a CloudEvents batch, or NDJSON (one event a line) of any length, which is "
          "published while it arrives. Each event stands for itself unless atomic. Where nothing was stored, the "
          "answer "
          "is a problem with the members of a BatchResult and the code of the weightiest reason: 503 over 429 over 409 "
          "over 422. For NDJSON, results lists failures only, the first 1000 of them, and index counts the lines that "
          "are not blank.",
      .parameters = {{"atomic", R"({"type":"boolean","default":false})",
                      "All events or none. An atomic NDJSON body may have 16 MiB."}},
      .body = {{json_type, R"({"$ref":"#/components/schemas/NewEvents"})",
                R"({"events":[{"event_type":"user.created"},{"event_type":"user.deleted"}]})"},
               {ndjson_type, R"({"type":"string"})",
                "{\"event_type\":\"user.created\"}\n{\"event_type\":\"user.deleted\"}\n", true},
               {cloudevent_batch_type, R"({"type":"array","items":{"$ref":"#/components/schemas/CloudEvent"}})",
                R"([{"specversion":"1.0","id":"ce-2","source":"/shop","type":"order.paid"}])"}},
      .body_limit = BodyLimit::batch,
      .answers = {{200, "The batch holds no event.", json_type, R"({"$ref":"#/components/schemas/BatchResult"})"},
                  {201, "All are stored, or were before.", json_type, R"({"$ref":"#/components/schemas/BatchResult"})"},
                  {207, "Some were refused; results says which and why.", json_type,
                   R"({"$ref":"#/components/schemas/BatchResult"})"},
                  {409, "Nothing was stored.", problem_type, batch_problem},
                  {422, "Nothing was stored.", problem_type, batch_problem},
                  {429, "Nothing was stored.", problem_type, batch_problem},
                  {503, "Nothing was stored.", problem_type, batch_problem}},
      .errors = {ErrorCode::conflict, ErrorCode::queue_full, ErrorCode::read_only, ErrorCode::draining},
      .handler = publish_batch};
}

}  // namespace

std::vector<Route> publish_routes() {
  return {publish_route(), batch_route()};
}

}  // namespace eventbus
