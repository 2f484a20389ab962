#include "eventbus/library/service_calls.hpp"

#include <functional>
#include <string_view>
#include <utility>

#include "eventbus/client/targets.hpp"
#include "eventbus/core/event_json.hpp"
#include "eventbus/library/event_check.hpp"
#include "eventbus/library/http_answers.hpp"

namespace eventbus::calls {
namespace {

/// What looks at any number of dead letters may take its time.
constexpr std::chrono::minutes patience_for_dead_letters{5};

template <class T>
using Reading = std::function<Result<T>(const HttpAnswer&)>;

/// `read` sees successes only.
template <class T, class Read>
Reading<T> successes(Read read) {
  return [read = std::move(read)](const HttpAnswer& answer) -> Result<T> {
    if (!answer.ok()) return std::unexpected(error_of(answer));
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return read(answer);
    }
  };
}

Reading<std::uint64_t> count_named(std::string name) {
  return successes<std::uint64_t>(
      [name = std::move(name)](const HttpAnswer& answer) { return JsonObject(answer.body).number(name); });
}

Reading<Settled> settled_named(std::string count) {
  return successes<Settled>(
      [count = std::move(count)](const HttpAnswer& answer) { return settled_of(answer.body, count); });
}

Reading<bool> status_is(std::string good) {
  return [good = std::move(good)](const HttpAnswer& answer) -> Result<bool> {
    if (answer.status != 200 && answer.status != 503) return std::unexpected(error_of(answer));
    return JsonObject(answer.body).text("status") == good;
  };
}

HttpRequest get(std::string target) {
  return {.target = std::move(target)};
}
HttpRequest post(std::string target, std::string body = {}) {
  return {.method = "POST", .target = std::move(target), .body = std::move(body)};
}
/// For what does no more when it is carried out twice.
HttpRequest repeatable_post(std::string target, std::string body = {}) {
  auto request = post(std::move(target), std::move(body));
  request.repeatable = true;
  return request;
}

ApiCall<void> change(HttpRequest request) {
  return {.request = std::move(request), .read = successes<void>(0)};
}

/// As a publish request knows it; `traceparent` is a header there.
void append_request(std::string& out, Event event) {
  event.traceparent.clear();
  append_event(out, event);
}

Error cloudevents_not_sent() {
  return {ErrorCode::invalid,
          "cloudevent: this client sends plain events; post CloudEvents to the HTTP API as such",
          {{"cloudevent", "must be empty"}}};
}

Result<HttpRequest> publish_request(Event event) {
  auto made = draft_of(std::move(event));
  if (!made) return std::unexpected(std::move(made.error()));
  const auto& complete = *made->event;
  if (!complete.cloudevent.empty()) return std::unexpected(cloudevents_not_sent());
  auto request = repeatable_post("/events");
  append_request(request.body, complete);
  if (!complete.traceparent.empty()) request.headers.emplace_back("traceparent", complete.traceparent);
  return request;
}

std::string replay_target(const ReplayFilter& filter, const std::string& cursor, std::size_t limit) {
  std::string target = "/events?limit=" + std::to_string(limit);
  if (filter.start_time) target += "&start_time=" + percent_encode(format_timestamp(*filter.start_time));
  if (filter.end_time) target += "&end_time=" + percent_encode(format_timestamp(*filter.end_time));
  if (!filter.event_type.empty()) target += "&event_type=" + percent_encode(filter.event_type);
  if (!cursor.empty()) target += "&cursor=" + percent_encode(cursor);
  return target;
}

std::string body_of(const DeadLetterChoice& choice) {
  JsonWriter body;
  if (!choice.event_ids.empty()) body.texts("event_ids", choice.event_ids);
  body.text_if("reason", choice.reason);
  if (choice.all) body.raw("all", "true");
  if (choice.events_per_second > 0) body.number("events_per_second", choice.events_per_second);
  return body.raw("dry_run", choice.dry_run ? "true" : "false").done();
}

}  // namespace

ApiCall<bool> publish(Event event) {
  return {.request = publish_request(std::move(event)), .read = successes<bool>([](const HttpAnswer& answer) {
                                                          return JsonObject(answer.body).text("status") != "duplicate";
                                                        })};
}

ApiCall<std::vector<Result<bool>>> publish_batch(const std::vector<EventPtr>& events, bool atomic) {
  auto request = repeatable_post(atomic ? "/events/batch?atomic=true" : "/events/batch", R"({"events":[)");
  for (const auto& event : events) {
    if (request.body.back() != '[') request.body += ',';
    append_request(request.body, *event);
  }
  request.body += "]}";
  return {.request = std::move(request),
          .read = [count = events.size()](const HttpAnswer& answer) -> Result<std::vector<Result<bool>>> {
            const bool listed =
                answer.ok() || (parse_json_object(answer.body) && JsonObject(answer.body).has("results"));
            if (!listed) return std::unexpected(error_of(answer));
            return batch_results_of(answer.body, count);
          }};
}

ApiCall<std::optional<StoredEvent>> get_event(const std::string& event_id) {
  return {.request = get(event_target(event_id)),
          .read = [](const HttpAnswer& answer) -> Result<std::optional<StoredEvent>> {
            if (answer.status == 404 && error_of(answer).code == ErrorCode::unknown_event) return std::nullopt;
            if (!answer.ok()) return std::unexpected(error_of(answer));
            return stored_event_of(JsonObject(answer.body));
          }};
}

ApiCall<EventReplay::Page> replay(const ReplayFilter& filter, const std::string& cursor, std::size_t limit) {
  return {.request = get(replay_target(filter, cursor, limit)),
          .read = successes<EventReplay::Page>([](const HttpAnswer& answer) {
            const JsonObject listing(answer.body);
            EventReplay::Page page;
            for (const auto& event : listing.objects("events")) page.events.push_back(stored_event_of(event));
            page.next = listing.text("next_cursor");
            return page;
          })};
}

ApiCall<bool> declare_queue(const QueueDefinition& queue) {
  std::string body = "{";
  append_queue_settings(body, queue);
  body += '}';
  return {.request = HttpRequest{.method = "PUT", .target = queue_target(queue.name), .body = std::move(body)},
          .read = successes<bool>([](const HttpAnswer& answer) { return answer.status == 201; })};
}

ApiCall<std::vector<QueueState>> list_queues() {
  return {.request = get("/queues"), .read = successes<std::vector<QueueState>>([](const HttpAnswer& answer) {
                                       std::vector<QueueState> queues;
                                       for (const auto& queue : JsonObject(answer.body).objects("queues"))
                                         queues.push_back(queue_state_of(queue));
                                       return queues;
                                     })};
}

ApiCall<QueueState> get_queue(const std::string& queue) {
  return {.request = get(queue_target(queue)), .read = successes<QueueState>([](const HttpAnswer& answer) {
                                                 return queue_state_of(JsonObject(answer.body));
                                               })};
}

ApiCall<void> delete_queue(const std::string& queue) {
  return change({.method = "DELETE", .target = queue_target(queue)});
}
ApiCall<std::uint64_t> purge(const std::string& queue) {
  return {.request = post(queue_target(queue, "/purge")), .read = count_named("purged")};
}
ApiCall<void> pause(const std::string& queue) {
  return change(repeatable_post(queue_target(queue, "/pause")));
}
ApiCall<void> resume(const std::string& queue) {
  return change(repeatable_post(queue_target(queue, "/resume")));
}

ApiCall<std::vector<ClientDelivery>> receive(const std::string& queue, std::size_t max,
                                             std::chrono::milliseconds wait) {
  auto body = JsonWriter().number("max", static_cast<std::int64_t>(max)).number("wait_ms", wait.count()).done();
  return {.request = post(queue_target(queue, "/receive"), std::move(body)),
          .read = successes<std::vector<ClientDelivery>>(
              [](const HttpAnswer& answer) { return deliveries_of(answer.body); }),
          .patience = wait};
}

ApiCall<Settled> ack(const std::string& queue, const std::vector<std::string>& delivery_ids) {
  auto body = JsonWriter().texts("delivery_ids", delivery_ids).done();
  return {.request = repeatable_post(queue_target(queue, "/ack"), std::move(body)), .read = settled_named("acked")};
}

ApiCall<Settled> nack(const std::string& queue, const std::vector<std::string>& delivery_ids, bool requeue,
                      const std::string& reason, std::optional<std::chrono::milliseconds> delay) {
  JsonWriter body;
  body.texts("delivery_ids", delivery_ids).raw("requeue", requeue ? "true" : "false").text_if("reason", reason);
  if (delay) body.number("delay_ms", delay->count());
  return {.request = repeatable_post(queue_target(queue, "/nack"), body.done()), .read = settled_named("nacked")};
}

ApiCall<Settled> extend(const std::string& queue, const std::vector<std::string>& delivery_ids,
                        std::chrono::milliseconds lease) {
  auto body = JsonWriter().texts("delivery_ids", delivery_ids).number("lease_ms", lease.count()).done();
  return {.request = repeatable_post(queue_target(queue, "/extend"), std::move(body)),
          .read = settled_named("extended")};
}

ApiCall<DeadLetterPage> list_dead_letters(const std::string& queue, std::size_t limit, const std::string& cursor) {
  auto action = "/dead-letters?limit=" + std::to_string(limit);
  if (!cursor.empty()) action += "&cursor=" + percent_encode(cursor);
  return {.request = get(queue_target(queue, action)),
          .read = successes<DeadLetterPage>([](const HttpAnswer& answer) { return dead_letters_of(answer.body); })};
}

ApiCall<Redriven> redrive_dead_letters(const std::string& queue, const DeadLetterChoice& choice) {
  return {.request = post(queue_target(queue, "/dead-letters/redrive"), body_of(choice)),
          .read = successes<Redriven>([](const HttpAnswer& answer) { return redriven_of(answer.body); }),
          .patience = patience_for_dead_letters};
}

ApiCall<std::uint64_t> delete_dead_letters(const std::string& queue, const DeadLetterChoice& choice) {
  return {.request =
              HttpRequest{.method = "DELETE", .target = queue_target(queue, "/dead-letters"), .body = body_of(choice)},
          .read = count_named("matched"),
          .patience = patience_for_dead_letters};
}

ApiCall<bool> check_health() {
  return {.request = get("/health"), .read = status_is("healthy")};
}
ApiCall<bool> ready() {
  return {.request = get("/ready"), .read = status_is("ready")};
}

}  // namespace eventbus::calls
