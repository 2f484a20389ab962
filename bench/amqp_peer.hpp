#pragma once

#include <amqp.h>

#include <string>

namespace bench {

/// A bare librabbitmq connection with one channel, and a quorum queue, "bench-bare". Throws std::runtime_error. Blocks;
/// used by one thread.
class AmqpPeer {
 public:
  static constexpr amqp_channel_t channel = 1;
  static constexpr const char* queue = "bench-bare";
  static constexpr const char* exchange = "bench-bare";

  explicit AmqpPeer(std::string url);
  ~AmqpPeer();
  AmqpPeer(const AmqpPeer&) = delete;
  AmqpPeer& operator=(const AmqpPeer&) = delete;

  void declare_queue();
  void bind();  ///< The queue to a durable topic exchange, by bench.#.
  void remove_queue() noexcept;
  void confirm();
  void consume(std::uint16_t prefetch);

  /// Persistent and mandatory. An empty topic: straight to the queue; else through the exchange, with the properties
  /// of the service's messages.
  void publish(const std::string& topic, const std::string& body);
  /// Until a frame of the channel is here.
  amqp_frame_t wait();
  void acknowledge(std::uint64_t tag, bool multiple = false);
  void release();  ///< What the frames so far used.

 private:
  void answered(amqp_rpc_reply_t reply, const char* what);
  void answered(const char* what);

  amqp_connection_state_t connection_;
};

void expect(bool good, const char* what);

}  // namespace bench
