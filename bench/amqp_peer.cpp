#include "amqp_peer.hpp"

#include <amqp_tcp_socket.h>

#include <stdexcept>
#include <utility>

namespace bench {
namespace {

amqp_basic_properties_t properties_for(const std::string& topic) {
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG;
  properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  properties.content_type = amqp_cstring_bytes("application/json");
  if (topic.empty()) return properties;
  properties._flags |=
      AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG;
  properties.message_id = amqp_cstring_bytes("01900000-0000-7000-8000-000000000000");
  properties.correlation_id = properties.message_id;
  properties.type = amqp_cstring_bytes(topic.c_str());
  properties.timestamp = 1'700'000'000;
  return properties;
}

}  // namespace

void expect(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

AmqpPeer::AmqpPeer(std::string url) : connection_(amqp_new_connection()) {
  amqp_connection_info where{};
  expect(amqp_parse_url(url.data(), &where) == AMQP_STATUS_OK, "URL");
  auto* socket = amqp_tcp_socket_new(connection_);
  expect(amqp_socket_open(socket, where.host, where.port) == AMQP_STATUS_OK, "connect");
  answered(amqp_login(connection_, where.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, where.user, where.password),
           "login");
  amqp_channel_open(connection_, channel);
  answered("channel");
}

AmqpPeer::~AmqpPeer() {
  amqp_destroy_connection(connection_);
}

void AmqpPeer::declare_queue() {
  amqp_table_entry_t type{};
  type.key = amqp_cstring_bytes("x-queue-type");
  type.value.kind = AMQP_FIELD_KIND_UTF8;
  type.value.value.bytes = amqp_cstring_bytes("quorum");
  amqp_queue_declare(connection_, channel, amqp_cstring_bytes(queue), 0, 1, 0, 0, amqp_table_t{1, &type});
  answered("queue.declare");
}

void AmqpPeer::bind() {
  amqp_exchange_declare(connection_, channel, amqp_cstring_bytes(exchange), amqp_cstring_bytes("topic"), 0, 1, 0, 0,
                        amqp_empty_table);
  answered("exchange.declare");
  amqp_queue_bind(connection_, channel, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange),
                  amqp_cstring_bytes("bench.#"), amqp_empty_table);
  answered("queue.bind");
}

void AmqpPeer::remove_queue() noexcept {
  amqp_queue_delete(connection_, channel, amqp_cstring_bytes(queue), 0, 0);
}

void AmqpPeer::confirm() {
  amqp_confirm_select(connection_, channel);
  answered("confirm.select");
}

void AmqpPeer::consume(std::uint16_t prefetch) {
  amqp_basic_qos(connection_, channel, 0, prefetch, 0);
  answered("basic.qos");
  amqp_basic_consume(connection_, channel, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  answered("basic.consume");
}

void AmqpPeer::publish(const std::string& topic, const std::string& body) {
  const auto properties = properties_for(topic);
  const amqp_bytes_t bytes{body.size(), const_cast<char*>(body.data())};
  const auto to = amqp_cstring_bytes(topic.empty() ? "" : exchange);
  const auto key = amqp_cstring_bytes(topic.empty() ? queue : topic.c_str());
  expect(amqp_basic_publish(connection_, channel, to, key, 1, 0, &properties, bytes) == AMQP_STATUS_OK, "publish");
}

amqp_frame_t AmqpPeer::wait() {
  amqp_frame_t frame;
  expect(amqp_simple_wait_frame(connection_, &frame) == AMQP_STATUS_OK, "wait");
  return frame;
}

void AmqpPeer::acknowledge(std::uint64_t tag, bool multiple) {
  expect(amqp_basic_ack(connection_, channel, tag, multiple ? 1 : 0) == AMQP_STATUS_OK, "ack");
}

void AmqpPeer::release() {
  amqp_maybe_release_buffers(connection_);
}

void AmqpPeer::answered(amqp_rpc_reply_t reply, const char* what) {
  expect(reply.reply_type == AMQP_RESPONSE_NORMAL, what);
}

void AmqpPeer::answered(const char* what) {
  answered(amqp_get_rpc_reply(connection_), what);
}

}  // namespace bench
