/// What a bare librabbitmq client gets from a quorum queue of its own, with persistent messages. Prints one JSON
/// object.
///   amqp_load publish URL COUNT BYTES [TOPIC]     pipelined confirms; straight to the queue, or as the service must:
///                                                 through a durable topic exchange, mandatory, with ids, type, times
///   amqp_load consume URL COUNT BYTES CONSUMERS BATCH
///                                                 all that was published before, each acknowledging so many at a time
///   amqp_load latency URL RATE SECONDS BYTES      from the sending of a message until a consumer holds it, in order
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

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

void publish_all(AmqpPeer& peer, std::uint64_t count, std::size_t bytes, const std::string& through) {
  peer.confirm();
  const std::string body(bytes, 'x');
  for (std::uint64_t sent = 0, confirmed = 0; confirmed < count;) {
    for (; sent < count && sent - confirmed < window; ++sent) peer.publish(through, body);
    confirmed = std::max(confirmed, await_confirm(peer));
  }
}

int report(std::uint64_t count, Clock::time_point began) {
  const auto seconds = std::chrono::duration<double>(Clock::now() - began).count();
  fmt::print(R"({{"events":{},"seconds":{:.3f},"per_second":{:.0f}}})"
             "\n",
             count, seconds, static_cast<double>(count) / seconds);
  return 0;
}

int publish(const std::string& url, std::uint64_t count, std::size_t bytes, const std::string& through) {
  AmqpPeer peer(url);
  const BareQueue queue(peer);
  if (!through.empty()) peer.bind();
  const auto began = Clock::now();
  publish_all(peer, count, bytes, through);
  return report(count, began);
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

struct Received {
  std::uint64_t tag = 0;
  std::string body;
};

Received await_message(AmqpPeer& peer) {
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
  peer.release();
  return {tag, std::move(body)};
}

/// Until all together have what is `left`.
void consume_share(const std::string& url, std::uint64_t batch, std::atomic<std::int64_t>& left) {
  AmqpPeer peer(url);
  peer.consume(static_cast<std::uint16_t>(2 * batch));
  std::uint64_t held = 0;
  while (left > 0) {
    const auto tag = await_message(peer).tag;
    if (++held < batch) continue;
    peer.acknowledge(tag, true);
    left -= static_cast<std::int64_t>(std::exchange(held, 0));
  }
}

/// Every consumer takes whole batches; the time is that until the last batch was acknowledged.
int consume(const std::string& url, std::uint64_t count, std::size_t bytes, std::uint64_t consumers,
            std::uint64_t batch) {
  AmqpPeer publisher(url);
  const BareQueue queue(publisher);
  publisher.bind();
  const auto spare = 2 * consumers * batch;  // so that nobody waits for an incomplete batch
  publish_all(publisher, count + spare, bytes, topic);
  std::atomic<std::int64_t> left{static_cast<std::int64_t>(count)};
  const auto began = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t number = 0; number < consumers; ++number) {
      threads.emplace_back([&] {
        try {
          consume_share(url, batch, left);
        } catch (const std::exception& problem) {
          fmt::print(stderr, "amqp_load: {}\n", problem.what());
          std::_Exit(1);
        }
      });
    }
  }
  return report(count, began);
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
    const auto message = await_message(consumer);
    Clock::rep sent_at = 0;
    std::memcpy(&sent_at, message.body.data(), sizeof sent_at);
    consumer.acknowledge(message.tag);
    deliveries.add(Clock::now() - Clock::time_point{Clock::duration{sent_at}});
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
    if (mode == "consume" && argc == 7) return bench::consume(argv[2], number(3), number(4), number(5), number(6));
    bench::expect(false,
                  "usage: amqp_load publish URL COUNT BYTES [TOPIC] | amqp_load latency URL RATE SECONDS BYTES | "
                  "amqp_load consume URL COUNT BYTES CONSUMERS BATCH");
  } catch (const std::exception& problem) {
    fmt::print(stderr, "amqp_load: {}\n", problem.what());
  }
  return 1;
}
