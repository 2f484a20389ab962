/// What a bare librabbitmq client gets from a quorum queue of its own, with persistent messages. Prints one JSON
/// object.
///   amqp_load publish URL COUNT BYTES [TOPIC]     pipelined confirms; straight to the queue, or as the service must:
///                                                 through a durable topic exchange, mandatory, with ids, type, times
///   amqp_load latency URL RATE SECONDS BYTES      from the sending of a message until a consumer holds it, in order
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <thread>

#include "amqp_peer.hpp"
#include "latencies.hpp"

namespace bench {
namespace {

constexpr std::uint64_t window = 2000;
constexpr const char* topic = "bench.order.paid";

/// Removes the queue at the end.
class BareQueue {
 public:
  explicit BareQueue(AmqpPeer& peer) : peer_(peer) { peer_.declare_queue(); }
  ~BareQueue() { peer_.remove_queue(); }
  BareQueue(const BareQueue&) = delete;
  BareQueue& operator=(const BareQueue&) = delete;

 private:
  AmqpPeer& peer_;
};

std::uint64_t await_confirm(AmqpPeer& peer) {
  const auto frame = peer.wait();
  expect(frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD, "a confirm");
  const auto tag = static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded)->delivery_tag;
  peer.release();
  return tag;
}

int publish(const std::string& url, std::uint64_t count, std::size_t bytes, const std::string& through) {
  AmqpPeer peer(url);
  const BareQueue queue(peer);
  if (!through.empty()) peer.bind();
  peer.confirm();
  const std::string body(bytes, 'x');
  const auto began = Clock::now();
  for (std::uint64_t sent = 0, confirmed = 0; confirmed < count;) {
    for (; sent < count && sent - confirmed < window; ++sent) peer.publish(through, body);
    confirmed = std::max(confirmed, await_confirm(peer));
  }
  const auto seconds = std::chrono::duration<double>(Clock::now() - began).count();
  fmt::print(R"({{"events":{},"seconds":{:.3f},"per_second":{:.0f}}})"
             "\n",
             count, seconds, static_cast<double>(count) / seconds);
  return 0;
}

/// The nth message is sent n / rate seconds after the first; its body begins with when that was.
void publish_paced(AmqpPeer& peer, std::uint64_t count, std::uint64_t rate, std::size_t bytes) {
  std::string body(std::max(bytes, sizeof(Clock::rep)), 'x');
  const auto began = Clock::now();
  for (std::uint64_t sent = 0; sent < count; ++sent) {
    std::this_thread::sleep_until(began + std::chrono::nanoseconds{1'000'000'000 * sent / rate});
    const auto now = Clock::now().time_since_epoch().count();
    std::memcpy(body.data(), &now, sizeof now);
    peer.publish(topic, body);
  }
}

/// The next message's first bytes: when it was sent.
Clock::time_point await_message(AmqpPeer& peer) {
  std::uint64_t tag = 0;
  std::size_t size = 0;
  std::string body;
  do {
    const auto frame = peer.wait();
    if (frame.frame_type == AMQP_FRAME_METHOD) {
      expect(frame.payload.method.id == AMQP_BASIC_DELIVER_METHOD, "a delivery");
      tag = static_cast<amqp_basic_deliver_t*>(frame.payload.method.decoded)->delivery_tag;
    } else if (frame.frame_type == AMQP_FRAME_HEADER) {
      size = frame.payload.properties.body_size;
    } else if (frame.frame_type == AMQP_FRAME_BODY) {
      body.append(static_cast<const char*>(frame.payload.body_fragment.bytes), frame.payload.body_fragment.len);
    }
  } while (size == 0 || body.size() < size);
  Clock::rep sent_at = 0;
  std::memcpy(&sent_at, body.data(), sizeof sent_at);
  peer.acknowledge(tag);
  peer.release();
  return Clock::time_point{Clock::duration{sent_at}};
}

int latency(const std::string& url, std::uint64_t rate, double seconds, std::size_t bytes) {
  AmqpPeer publisher(url);
  AmqpPeer consumer(url);
  const BareQueue queue(consumer);
  publisher.bind();
  consumer.consume(1000);
  const auto count = static_cast<std::uint64_t>(static_cast<double>(rate) * seconds);
  const std::jthread publishing([&] {
    try {
      publish_paced(publisher, count, rate, bytes);
    } catch (const std::exception& problem) {
      fmt::print(stderr, "amqp_load: {}\n", problem.what());
      std::_Exit(1);  // the consumer waits for messages that don't come
    }
  });
  Latencies deliveries;
  for (std::uint64_t received = 0; received < count; ++received) {
    const auto sent_at = await_message(consumer);
    deliveries.add(Clock::now() - sent_at);
  }
  fmt::print(R"({{"events":{},"rate":{},"delivery":{}}})"
             "\n",
             count, rate, deliveries.json());
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const auto number = [&](int index) { return std::strtoull(argv[index], nullptr, 10); };
  try {
    const std::string_view mode = argc > 1 ? argv[1] : "";
    if (mode == "publish" && (argc == 5 || argc == 6))
      return bench::publish(argv[2], number(3), number(4), argc == 6 ? argv[5] : "");
    if (mode == "latency" && argc == 6)
      return bench::latency(argv[2], number(3), std::strtod(argv[4], nullptr), number(5));
    bench::expect(false, "usage: amqp_load publish URL COUNT BYTES [TOPIC] | amqp_load latency URL RATE SECONDS BYTES");
  } catch (const std::exception& problem) {
    fmt::print(stderr, "amqp_load: {}\n", problem.what());
  }
  return 1;
}
