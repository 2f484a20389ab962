#include <chrono>
#include <utility>

#include "eventbus/core/event_json.hpp"
#include "eventbus/core/json.hpp"
#include "eventbus/http/body_fields.hpp"
#include "eventbus/http/call.hpp"
#include "eventbus/http/route.hpp"

namespace eventbus {
namespace {

constexpr std::uint64_t most_deliveries = 1000;
constexpr std::uint64_t longest_wait_ms = 30000;
constexpr std::uint64_t longest_delay_ms = std::uint64_t{7} * 24 * 3600 * 1000;

struct ReceiveOrder {
  Credit credit;
  std::chrono::milliseconds wait{0};
};

Result<ReceiveOrder> read_receive(std::string_view body) {
  auto fields = BodyFields::parse(body.empty() ? "{}" : body, {"max", "wait_ms"});
  if (!fields) return std::unexpected(std::move(fields.error()));
  ReceiveOrder order;
  order.credit.events = fields->integer("max", 1, most_deliveries).value_or(1);
  order.wait = std::chrono::milliseconds(fields->integer("wait_ms", 0, longest_wait_ms).value_or(0));
  if (auto checked = fields->check(); !checked) return std::unexpected(std::move(checked.error()));
  return order;
}

void append_delivery(std::string& out, const Delivery& delivery) {
  out += R"({"delivery_id":)";
  append_json_string(out, delivery.delivery_id);
  out.append(R"(,"attempt":)").append(std::to_string(delivery.attempt)).append(R"(,"first_attempt_at":")");
  append_timestamp(out, delivery.first_attempt_at);
  out += R"(","event":)";
  append_stored_event(out, delivery.event);
  out += delivery.replayed ? R"(,"replayed":true})" : R"(,"replayed":false})";
}

std::vector<std::string> ids_of(std::vector<Delivery> deliveries) {
  std::vector<std::string> ids;
  ids.reserve(deliveries.size());
  for (auto& delivery : deliveries) ids.push_back(std::move(delivery.delivery_id));
  return ids;
}

void answer_deliveries(Call& call, std::vector<Delivery> deliveries) {
  auto& body = call.answer.body;
  body += R"({"deliveries":[)";
  for (const auto& delivery : deliveries) {
    if (&delivery != &deliveries.front()) body += ',';
    append_delivery(body, delivery);
  }
  body += "]}";
  if (deliveries.empty()) return;
  call.answer.undelivered = [&broker = call.services.bus.broker, queue = call.parameter,
                             ids = ids_of(std::move(deliveries))] { broker.give_back(queue, ids); };
}

asio::awaitable<Result<void>> receive(Call& call) {
  auto order = read_receive(call.body);
  if (!order) co_return std::unexpected(std::move(order.error()));
  auto& broker = call.services.bus.broker;
  const bool waits = order->wait.count() > 0 && !call.services.draining;
  const auto now = Connection::Clock::now();
  auto receiving = broker.receive(call.parameter, order->credit, waits ? now + order->wait : now);
  if (waits) receiving = call.connection.while_connected(std::move(receiving));
  auto deliveries = co_await std::move(receiving);
  if (!deliveries) co_return std::unexpected(std::move(deliveries.error()));
  if (call.connection.gone()) {
    broker.give_back(call.parameter, ids_of(std::exchange(*deliveries, {})));
  }
  answer_deliveries(call, std::move(*deliveries));
  co_return Result<void>{};
}

/// What ack, nack and extend answer: {"acked":2,"unknown":[…]}.
Result<void> answer_settled(Call& call, std::string_view count_name, Result<Settled> settled) {
  if (!settled) return std::unexpected(std::move(settled.error()));
  auto& body = call.answer.body;
  body.append(R"({")")
      .append(count_name)
      .append(R"(":)")
      .append(std::to_string(settled->settled))
      .append(R"(,"unknown":[)");
  for (const auto& id : settled->unknown) {
    if (&id != &settled->unknown.front()) body += ',';
    append_json_string(body, id);
  }
  body += "]}";
  return {};
}

asio::awaitable<Result<void>> ack(Call& call) {
  auto fields = BodyFields::parse(call.body, {"delivery_ids"});
  if (!fields) co_return std::unexpected(std::move(fields.error()));
  fields->require("delivery_ids");
  auto ids = fields->texts("delivery_ids", 1, most_ids);
  if (auto checked = fields->check(); !checked) co_return checked;
  auto settled = co_await call.services.bus.broker.ack(call.parameter, std::move(*ids));
  co_return answer_settled(call, "acked", std::move(settled));
}

asio::awaitable<Result<void>> nack(Call& call) {
  auto fields = BodyFields::parse(call.body, {"delivery_ids", "requeue", "delay_ms", "reason"});
  if (!fields) co_return std::unexpected(std::move(fields.error()));
  fields->require("delivery_ids");
  auto ids = fields->texts("delivery_ids", 1, most_ids);
  NackOptions options;
  options.requeue = fields->boolean("requeue").value_or(true);
  if (const auto delay = fields->integer("delay_ms", 0, longest_delay_ms))
    options.delay = std::chrono::milliseconds(*delay);
  options.reason = fields->text("reason", longest_reason).value_or("");
  if (options.delay && !options.requeue) fields->refuse("delay_ms", "has no meaning with requeue false");
  if (auto checked = fields->check(); !checked) co_return checked;
  auto settled = co_await call.services.bus.broker.nack(call.parameter, std::move(*ids), std::move(options));
  co_return answer_settled(call, "nacked", std::move(settled));
}

asio::awaitable<Result<void>> extend(Call& call) {
  auto fields = BodyFields::parse(call.body, {"delivery_ids", "lease_ms"});
  if (!fields) co_return std::unexpected(std::move(fields.error()));
  fields->require("delivery_ids");
  fields->require("lease_ms");
  auto ids = fields->texts("delivery_ids", 1, most_ids);
  const auto lease = fields->integer("lease_ms", 1, longest_delay_ms);
  if (auto checked = fields->check(); !checked) co_return checked;
  const std::chrono::milliseconds length(*lease);
  auto settled = co_await call.services.bus.broker.extend(call.parameter, std::move(*ids), length);
  co_return answer_settled(call, "extended", std::move(settled));
}

Route route(std::string_view path, std::string_view id, std::string_view summary, std::string_view description,
            BodyFormat body, AnswerDoc answer, AsyncHandler handler) {
  return {.method = http::verb::post,
          .path = path,
          .operation_id = id,
          .tag = "Deliveries",
          .summary = summary,
          .description = description,
          .body = {body},
          .answers = {answer},
          .errors = {ErrorCode::unknown_queue},
          .handler = handler};
}

}  // namespace

std::vector<Route> delivery_routes() {
  auto receiving =
      route("/queues/{queue}/receive", "receive", "Take deliveries",
            "Answers as soon as there is one, or empty after wait_ms. Each delivery is leased for the queue's "
            "lease_ms: ack, nack or "
            "extend it before that, or it is delivered again. An empty body takes the defaults. Deliveries of a client "
            "that is gone "
            "before it got them are ready again at once. An answer holds at most 16 MiB, or one event: of large ones "
            "there are fewer than max.",
            {json_type, R"({"$ref":"#/components/schemas/Receive"})", R"({"max":100,"wait_ms":20000})"},
            {200, "None to max deliveries.", json_type, R"({"$ref":"#/components/schemas/Deliveries"})"}, receive);
  receiving.body_required = false;
  receiving.load = Load::exempt;
  return {
      std::move(receiving),
      route(
          "/queues/{queue}/ack", "ack", "Acknowledge deliveries",
          "Durable when answered. Ids that are unknown, settled or expired are listed.",
          {json_type, R"({"$ref":"#/components/schemas/DeliveryIds"})", R"({"delivery_ids":["d-1","d-2"]})"},
          {200, "How many were acknowledged.", json_type,
           R"({"type":"object","required":["acked","unknown"],"properties":{"acked":{"type":"integer","minimum":0},"unknown":{"type":"array","items":{"type":"string"}}}})"},
          ack),
      route(
          "/queues/{queue}/nack", "nack", "Give deliveries back as failed",
          "They come again after the queue's backoff or delay_ms, as dead letters after max_retries, or at once "
          "without "
          "requeue.",
          {json_type, R"({"$ref":"#/components/schemas/Nack"})",
           R"({"delivery_ids":["d-1"],"requeue":false,"reason":"card declined"})"},
          {200, "How many were taken back.", json_type,
           R"({"type":"object","required":["nacked","unknown"],"properties":{"nacked":{"type":"integer","minimum":0},"unknown":{"type":"array","items":{"type":"string"}}}})"},
          nack),
      route(
          "/queues/{queue}/extend", "extendLease", "Keep deliveries longer", "The leases end lease_ms from now.",
          {json_type, R"({"$ref":"#/components/schemas/Extend"})", R"({"delivery_ids":["d-1"],"lease_ms":60000})"},
          {200, "How many leases were moved.", json_type,
           R"({"type":"object","required":["extended","unknown"],"properties":{"extended":{"type":"integer","minimum":0},"unknown":{"type":"array","items":{"type":"string"}}}})"},
          extend)};
}

}  // namespace eventbus
