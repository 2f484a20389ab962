#include "eventbus/amqp/topology_request.hpp"

#include <fmt/format.h>

#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {
namespace {

using Names = std::initializer_list<std::pair<std::string_view, std::string_view>>;

std::optional<Error> fault_of(Names names) {
  for (const auto& [field, text] : names) {
    if (text.size() <= 255) continue;
    return Error{ErrorCode::invalid,
                 fmt::format("{} has at most 255 bytes", field),
                 {{std::string(field), "has at most 255 bytes"}}};
  }
  return std::nullopt;
}

template <class Send>
std::shared_ptr<TopologyRequest> request(std::string operation, Names names, Deadline deadline,
                                         amqp_method_number_t answer, Send send) {
  auto made = std::make_shared<TopologyRequest>();
  made->operation = std::move(operation);
  made->fault = fault_of(names);
  made->deadline = deadline;
  made->answer = answer;
  made->send = std::move(send);
  return made;
}

}  // namespace

std::shared_ptr<TopologyRequest> exchange_declaration(std::string name, std::string type, bool durable,
                                                      Deadline deadline) {
  auto operation = fmt::format("declaring exchange \"{}\"", name);
  return request(std::move(operation), {{"exchange", name}, {"type", type}}, deadline, AMQP_EXCHANGE_DECLARE_OK_METHOD,
                 [name, type, durable](Session& session, std::uint16_t channel) {
                   session.send(channel, AMQP_EXCHANGE_DECLARE_METHOD,
                                amqp_exchange_declare_t{.ticket = 0,
                                                        .exchange = bytes_of(name),
                                                        .type = bytes_of(type),
                                                        .passive = 0,
                                                        .durable = durable ? 1 : 0,
                                                        .auto_delete = 0,
                                                        .internal = 0,
                                                        .nowait = 0,
                                                        .arguments = amqp_empty_table});
                 });
}

std::shared_ptr<TopologyRequest> exchange_deletion(std::string name, Deadline deadline) {
  auto operation = fmt::format("deleting exchange \"{}\"", name);
  return request(std::move(operation), {{"exchange", name}}, deadline, AMQP_EXCHANGE_DELETE_OK_METHOD,
                 [name](Session& session, std::uint16_t channel) {
                   session.send(
                       channel, AMQP_EXCHANGE_DELETE_METHOD,
                       amqp_exchange_delete_t{.ticket = 0, .exchange = bytes_of(name), .if_unused = 0, .nowait = 0});
                 });
}

std::shared_ptr<TopologyRequest> queue_declaration(QueueSpec queue, Deadline deadline) {
  auto operation = fmt::format("declaring queue \"{}\"", queue.name);
  return request(std::move(operation), {{"queue", queue.name}}, deadline, AMQP_QUEUE_DECLARE_OK_METHOD,
                 [queue](Session& session, std::uint16_t channel) {
                   WireTable arguments(queue.arguments);
                   session.send(channel, AMQP_QUEUE_DECLARE_METHOD,
                                amqp_queue_declare_t{.ticket = 0,
                                                     .queue = bytes_of(queue.name),
                                                     .passive = 0,
                                                     .durable = queue.durable ? 1 : 0,
                                                     .exclusive = queue.exclusive ? 1 : 0,
                                                     .auto_delete = queue.auto_delete ? 1 : 0,
                                                     .nowait = 0,
                                                     .arguments = arguments.get()});
                 });
}

std::shared_ptr<TopologyRequest> queue_inspection(std::string name, Deadline deadline) {
  auto operation = fmt::format("inspecting queue \"{}\"", name);
  return request(std::move(operation), {{"queue", name}}, deadline, AMQP_QUEUE_DECLARE_OK_METHOD,
                 [name](Session& session, std::uint16_t channel) {
                   session.send(channel, AMQP_QUEUE_DECLARE_METHOD,
                                amqp_queue_declare_t{.ticket = 0,
                                                     .queue = bytes_of(name),
                                                     .passive = 1,
                                                     .durable = 0,
                                                     .exclusive = 0,
                                                     .auto_delete = 0,
                                                     .nowait = 0,
                                                     .arguments = amqp_empty_table});
                 });
}

std::shared_ptr<TopologyRequest> binding(std::string queue, std::string exchange, std::string routing_key,
                                         Deadline deadline) {
  auto operation = fmt::format("binding queue \"{}\" to exchange \"{}\"", queue, exchange);
  return request(std::move(operation), {{"queue", queue}, {"exchange", exchange}, {"routing_key", routing_key}},
                 deadline, AMQP_QUEUE_BIND_OK_METHOD,
                 [queue, exchange, routing_key](Session& session, std::uint16_t channel) {
                   session.send(channel, AMQP_QUEUE_BIND_METHOD,
                                amqp_queue_bind_t{.ticket = 0,
                                                  .queue = bytes_of(queue),
                                                  .exchange = bytes_of(exchange),
                                                  .routing_key = bytes_of(routing_key),
                                                  .nowait = 0,
                                                  .arguments = amqp_empty_table});
                 });
}

std::shared_ptr<TopologyRequest> unbinding(std::string queue, std::string exchange, std::string routing_key,
                                           Deadline deadline) {
  auto operation = fmt::format("unbinding queue \"{}\" from exchange \"{}\"", queue, exchange);
  return request(std::move(operation), {{"queue", queue}, {"exchange", exchange}, {"routing_key", routing_key}},
                 deadline, AMQP_QUEUE_UNBIND_OK_METHOD,
                 [queue, exchange, routing_key](Session& session, std::uint16_t channel) {
                   session.send(channel, AMQP_QUEUE_UNBIND_METHOD,
                                amqp_queue_unbind_t{.ticket = 0,
                                                    .queue = bytes_of(queue),
                                                    .exchange = bytes_of(exchange),
                                                    .routing_key = bytes_of(routing_key),
                                                    .arguments = amqp_empty_table});
                 });
}

std::shared_ptr<TopologyRequest> queue_deletion(std::string name, Deadline deadline) {
  auto operation = fmt::format("deleting queue \"{}\"", name);
  return request(std::move(operation), {{"queue", name}}, deadline, AMQP_QUEUE_DELETE_OK_METHOD,
                 [name](Session& session, std::uint16_t channel) {
                   session.send(channel, AMQP_QUEUE_DELETE_METHOD,
                                amqp_queue_delete_t{
                                    .ticket = 0, .queue = bytes_of(name), .if_unused = 0, .if_empty = 0, .nowait = 0});
                 });
}

std::shared_ptr<TopologyRequest> queue_purge(std::string name, Deadline deadline) {
  auto operation = fmt::format("purging queue \"{}\"", name);
  return request(std::move(operation), {{"queue", name}}, deadline, AMQP_QUEUE_PURGE_OK_METHOD,
                 [name](Session& session, std::uint16_t channel) {
                   session.send(channel, AMQP_QUEUE_PURGE_METHOD,
                                amqp_queue_purge_t{.ticket = 0, .queue = bytes_of(name), .nowait = 0});
                 });
}

}  // namespace eventbus::amqp
