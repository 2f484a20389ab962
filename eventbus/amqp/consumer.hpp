#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "eventbus/amqp/consumer_calls.hpp"
#include "eventbus/amqp/message.hpp"
#include "eventbus/amqp/settlement.hpp"
#include "eventbus/amqp/wakeup.hpp"

namespace eventbus::amqp {

class CommandQueue;

/// One consumer of a queue; made by `Connection::consume`. Thread-safe, apart from `cancel`. May outlive its
/// connection; its operations then throw `Unavailable`.
class Consumer {
 public:
  Consumer(std::uint64_t key, std::shared_ptr<CommandQueue> commands, std::shared_ptr<ConsumerCalls> calls);
  ~Consumer();  ///< Cancels.
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  /// Hands settlements to the server, which processes them later (see `barrier`). Returns the tags that are not
  /// outstanding: settled before, or of a generation that is over, so that the message will come again.
  asio::awaitable<std::vector<DeliveryTag>> settle(std::vector<DeliveryTag> tags, Settlement settlement);
  /// Returns once the server's channel has processed all settlements before, and the handler has been given the
  /// messages that came before that answer. Throws `Unavailable` when the generation ends first: they may have been
  /// processed or not.
  asio::awaitable<void> barrier(Deadline deadline);
  /// How many messages the server hands out that are not settled yet, those before not counted. 0: no more; what is
  /// outstanding stays so. Of a queue with a single active consumer another one becomes active then.
  void set_prefetch(std::uint16_t prefetch);
  /// Ends consuming; what is outstanding is the server's again. On the loop: the handler is not called any more.
  void cancel();

 private:
  std::uint64_t key_;
  std::shared_ptr<CommandQueue> commands_;
  std::shared_ptr<ConsumerCalls> calls_;
};

}  // namespace eventbus::amqp
