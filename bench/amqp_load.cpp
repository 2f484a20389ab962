/// The peer of the relay: a bare librabbitmq publisher of persistent messages with pipelined confirms, into a quorum
/// queue of its own. Prints one JSON object.
/// With a topic it publishes as the service must: through a durable topic exchange, mandatory, with ids, type and
/// times.
///   amqp_load URL COUNT BYTES [TOPIC]
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using Clock = std::chrono::steady_clock;
constexpr amqp_channel_t channel = 1;
constexpr const char* queue = "bench-bare";
constexpr const char* exchange = "bench-bare";
constexpr std::uint64_t window = 2000;

void expect(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

class Publisher {
 public:
  /// An empty topic: straight to the queue.
  Publisher(std::string url, std::string topic) : connection_(amqp_new_connection()), topic_(std::move(topic)) {
    amqp_connection_info where{};
    expect(amqp_parse_url(url.data(), &where) == AMQP_STATUS_OK, "URL");
    auto* socket = amqp_tcp_socket_new(connection_);
    expect(amqp_socket_open(socket, where.host, where.port) == AMQP_STATUS_OK, "connect");
    answered(amqp_login(connection_, where.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, where.user, where.password),
             "login");
    amqp_channel_open(connection_, channel);
    answered("channel");
    declare_queue();
    if (!topic_.empty()) bind();
    amqp_confirm_select(connection_, channel);
    answered("confirm.select");
  }
  ~Publisher() {
    amqp_queue_delete(connection_, channel, amqp_cstring_bytes(queue), 0, 0);
    amqp_destroy_connection(connection_);
  }
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void publish(std::uint64_t count, const std::string& body) {
    auto properties = properties_of_messages();
    for (std::uint64_t sent = 0; confirmed_ < count;) {
      while (sent < count && sent - confirmed_ < window) {
        const amqp_bytes_t bytes{body.size(), const_cast<char*>(body.data())};
        const auto to = amqp_cstring_bytes(topic_.empty() ? "" : exchange);
        const auto key = amqp_cstring_bytes(topic_.empty() ? queue : topic_.c_str());
        expect(amqp_basic_publish(connection_, channel, to, key, 1, 0, &properties, bytes) == AMQP_STATUS_OK,
               "publish");
        ++sent;
      }
      await_confirms();
    }
  }

 private:
  void answered(amqp_rpc_reply_t reply, const char* what) { expect(reply.reply_type == AMQP_RESPONSE_NORMAL, what); }
  void answered(const char* what) { answered(amqp_get_rpc_reply(connection_), what); }

  void declare_queue() {
    amqp_table_entry_t type{};
    type.key = amqp_cstring_bytes("x-queue-type");
    type.value.kind = AMQP_FIELD_KIND_UTF8;
    type.value.value.bytes = amqp_cstring_bytes("quorum");
    amqp_queue_declare(connection_, channel, amqp_cstring_bytes(queue), 0, 1, 0, 0, amqp_table_t{1, &type});
    answered("queue.declare");
  }

  void bind() {
    amqp_exchange_declare(connection_, channel, amqp_cstring_bytes(exchange), amqp_cstring_bytes("topic"), 0, 1, 0, 0,
                          amqp_empty_table);
    answered("exchange.declare");
    amqp_queue_bind(connection_, channel, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange),
                    amqp_cstring_bytes("bench.#"), amqp_empty_table);
    answered("queue.bind");
  }

  amqp_basic_properties_t properties_of_messages() const {
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    properties.content_type = amqp_cstring_bytes("application/json");
    if (topic_.empty()) return properties;
    properties._flags |=
        AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG;
    properties.message_id = amqp_cstring_bytes("01900000-0000-7000-8000-000000000000");
    properties.correlation_id = properties.message_id;
    properties.type = amqp_cstring_bytes(topic_.c_str());
    properties.timestamp = 1'700'000'000;
    return properties;
  }

  void await_confirms() {
    amqp_frame_t frame;
    expect(amqp_simple_wait_frame(connection_, &frame) == AMQP_STATUS_OK, "wait");
    expect(frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD, "a confirm");
    const auto tag = static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded)->delivery_tag;
    confirmed_ = std::max(confirmed_, tag);
    amqp_maybe_release_buffers(connection_);
  }

  amqp_connection_state_t connection_;
  std::string topic_;
  std::uint64_t confirmed_ = 0;  ///< The largest tag.
};

}  // namespace

int main(int argc, char** argv) {
  try {
    expect(argc >= 4, "usage: amqp_load URL COUNT BYTES [TOPIC]");
    const auto count = std::strtoull(argv[2], nullptr, 10);
    const std::string body(std::strtoul(argv[3], nullptr, 10), 'x');
    Publisher publisher(argv[1], argc > 4 ? argv[4] : "");
    const auto began = Clock::now();
    publisher.publish(count, body);
    const auto seconds = std::chrono::duration<double>(Clock::now() - began).count();
    fmt::print(R"({{"events":{},"seconds":{:.3f},"per_second":{:.0f}}})"
               "\n",
               count, seconds, static_cast<double>(count) / seconds);
    return 0;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "amqp_load: {}\n", problem.what());
    return 1;
  }
}
