#include <algorithm>
#include <chrono>

#include "eventbus/core/queue.hpp"
#include "eventbus/http/call.hpp"
#include "eventbus/http/route.hpp"

namespace eventbus {
namespace {

void append_count(std::string& out, std::string_view name, std::uint64_t count) {
  out.append(R"(,")").append(name).append(R"(":)").append(std::to_string(count));
}

void append_queue(std::string& out, const QueueInfo& info) {
  append_queue_definition(out, info.definition);
  out.pop_back();
  out += info.paused ? R"(,"paused":true)" : R"(,"paused":false)";
  append_count(out, "ready", info.ready);
  append_count(out, "in_flight", info.in_flight);
  append_count(out, "delayed", info.delayed);
  append_count(out, "dead_letters", info.dead_letters);
  append_count(out, "consumers", info.consumers);
  out += R"(,"oldest_age_seconds":)";
  if (info.oldest_since) {
    const std::chrono::duration<double> age = now() - *info.oldest_since;
    out += std::to_string(std::max(0.0, age.count()));
  } else {
    out += "null";
  }
  out += '}';
}

asio::awaitable<Result<void>> answer_queue(Call& call, int status) {
  auto info = co_await call.services.bus.broker.info(call.parameter);
  if (!info) co_return std::unexpected(std::move(info.error()));
  call.answer.status = status;
  append_queue(call.answer.body, *info);
  co_return Result<void>{};
}

asio::awaitable<Result<void>> declare_queue(Call& call) {
  auto definition = parse_queue_definition(call.parameter, call.body);
  if (!definition) co_return std::unexpected(std::move(definition.error()));
  auto outcome = co_await call.services.bus.broker.declare(std::move(*definition));
  if (!outcome) co_return std::unexpected(std::move(outcome.error()));
  co_return co_await answer_queue(call, *outcome == DeclareOutcome::created ? 201 : 200);
}

asio::awaitable<Result<void>> show_queue(Call& call) {
  co_return co_await answer_queue(call, 200);
}

asio::awaitable<Result<void>> list_queues(Call& call) {
  const auto infos = co_await call.services.bus.broker.list();
  auto& body = call.answer.body;
  body += R"({"queues":[)";
  for (const auto& info : infos) {
    if (body.back() == '}') body += ',';
    append_queue(body, info);
  }
  body += "]}";
  co_return Result<void>{};
}

asio::awaitable<Result<void>> remove_queue(Call& call) {
  call.answer.status = 204;
  co_return co_await call.services.bus.broker.remove(call.parameter);
}

asio::awaitable<Result<void>> purge_queue(Call& call) {
  auto purged = co_await call.services.bus.broker.purge(call.parameter);
  if (!purged) co_return std::unexpected(std::move(purged.error()));
  call.answer.body = R"({"purged":)" + std::to_string(*purged) + "}";
  co_return Result<void>{};
}

asio::awaitable<Result<void>> set_paused(Call& call, bool paused) {
  auto done = co_await call.services.bus.broker.set_paused(call.parameter, paused);
  if (!done) co_return done;
  co_return co_await answer_queue(call, 200);
}

asio::awaitable<Result<void>> pause_queue(Call& call) {
  return set_paused(call, true);
}
asio::awaitable<Result<void>> resume_queue(Call& call) {
  return set_paused(call, false);
}

constexpr std::string_view queue_schema = R"({"$ref":"#/components/schemas/Queue"})";

Route route(http::verb method, std::string_view path, std::string_view id, std::string_view summary,
            std::variant<SyncHandler, AsyncHandler> handler) {
  return {.method = method,
          .path = path,
          .operation_id = id,
          .tag = "Queues",
          .summary = summary,
          .answers = {{200, "The queue.", json_type, queue_schema}},
          .errors = {ErrorCode::unknown_queue},
          .handler = handler};
}

Route declare_route() {
  auto declare = route(http::verb::put, "/queues/{queue}", "declareQueue", "Declare a queue", declare_queue);
  declare.description =
      "Idempotent. A new queue begins at start_from and keeps every event whose exchange and routing key match a "
      "binding. What GET gave may be put: its counts and paused are passed over. "
      "ordered and start_from are fixed at creation; everything else may be changed in place.";
  declare.body = {{json_type, R"({"$ref":"#/components/schemas/QueueDefinition"})",
                   R"({"bindings":[{"exchange":"events","routing_key":"user.*"}],"max_retries":5})"}};
  declare.answers = {{201, "Created.", json_type, queue_schema},
                     {200, "Exists, unchanged or changed in place.", json_type, queue_schema}};
  declare.errors = {ErrorCode::queue_conflict, ErrorCode::exchange_conflict};
  return declare;
}

Route list_queues_route() {
  auto list = route(http::verb::get, "/queues", "listQueues", "List all queues", list_queues);
  list.answers = {
      {200, "Every queue.", json_type,
       R"({"type":"object","required":["queues"],"properties":{"queues":{"type":"array","items":{"$ref":"#/components/schemas/Queue"}}}})"}};
  list.errors = {};
  return list;
}

Route remove_route() {
  auto remove = route(http::verb::delete_, "/queues/{queue}", "deleteQueue", "Delete a queue", remove_queue);
  remove.description = "With its deliveries and dead letters. The events stay in the store.";
  remove.answers = {{204, "Deleted.", {}, {}}};
  return remove;
}

Route purge_route() {
  auto purge =
      route(http::verb::post, "/queues/{queue}/purge", "purgeQueue", "Drop what waits in a queue", purge_queue);
  purge.description = "Everything ready or delayed. Deliveries in flight and dead letters stay.";
  purge.answers = {
      {200, "How many events were dropped.", json_type,
       R"({"type":"object","required":["purged"],"properties":{"purged":{"type":"integer","minimum":0}}})"}};
  return purge;
}

}  // namespace

std::vector<Route> queue_routes() {
  return {declare_route(),
          list_queues_route(),
          route(http::verb::get, "/queues/{queue}", "getQueue", "Show a queue", show_queue),
          remove_route(),
          purge_route(),
          route(http::verb::post, "/queues/{queue}/pause", "pauseQueue", "Keep events but deliver none", pause_queue),
          route(http::verb::post, "/queues/{queue}/resume", "resumeQueue", "Deliver again", resume_queue)};
}

}  // namespace eventbus
