#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <vector>

namespace eventbus::amqp {

/// What became of a published message.
enum class Fate : std::uint8_t {
  confirmed,  ///< The server has it: in every queue that it was routed to, on disk where that is durable.
  returned,   ///< `mandatory` and no queue was bound for it: the server dropped it.
  nacked,     ///< The server refused it: a full queue with `reject-publish`, or an internal error.
  unknown,    ///< Sent, and the channel, the connection or the time was over before an answer: it may be there or not.
  unsent,     ///< Never left this process.
};

/// Which messages were sent on one confirming channel and wait for their publisher confirm, at most `limit`. The
/// server numbers messages from 1 in the order they were sent; it answers one or all up to a number, in any order, and
/// returns an unroutable message before it answers it. A plain class for one thread; one object a channel.
/// Source: rabbitmq.com/confirms.html, basic.return of AMQP 0-9-1.
class ConfirmWindow {
 public:
  /// The sender's own name for a message, and what tells it from others in flight when it is returned.
  struct Sent {
    std::uint64_t message;
    std::size_t identity;  ///< See `identity_of`; 0 for a message that isn't mandatory.
  };
  struct Settled {
    std::uint64_t message;
    Fate fate;
    bool operator==(const Settled&) const = default;
  };

  explicit ConfirmWindow(std::size_t limit) : limit_(limit) {}

  static std::size_t identity_of(std::string_view exchange, std::string_view routing_key, std::string_view message_id,
                                 std::string_view body);

  bool full() const { return unconfirmed_ >= limit_; }
  std::size_t unconfirmed() const { return unconfirmed_; }
  void sent(Sent message);
  /// The server returned a message; its fate is told by the ack that follows. False when none like it is in flight.
  bool returned(std::size_t identity);
  /// Appends what this settles to `out`. Numbers that were settled before or never sent are passed over.
  void acked(std::uint64_t number, bool multiple, std::vector<Settled>& out);
  void nacked(std::uint64_t number, bool multiple, std::vector<Settled>& out);
  /// The channel is gone: everything in flight is unknown, returned messages apart. The window is empty and begins at 1
  /// again.
  void lost(std::vector<Settled>& out);

 private:
  struct Slot {
    Sent sent;
    bool settled = false;
    bool returned = false;
  };

  void settle(std::uint64_t number, bool multiple, Fate fate, std::vector<Settled>& out);
  void settle(Slot& slot, Fate fate, std::vector<Settled>& out);

  std::size_t limit_;
  std::deque<Slot> slots_;  ///< The front is number `first_`; it is never settled.
  std::uint64_t first_ = 1;
  std::uint64_t after_return_ = 1;  ///< Returns come in the order of sending: look from here first.
  std::size_t unconfirmed_ = 0;
};

}  // namespace eventbus::amqp
