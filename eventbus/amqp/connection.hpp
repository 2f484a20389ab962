#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/amqp/confirm_window.hpp"
#include "eventbus/amqp/connection_settings.hpp"
#include "eventbus/amqp/consumer.hpp"
#include "eventbus/amqp/link_status.hpp"
#include "eventbus/amqp/message.hpp"
#include "eventbus/amqp/topology.hpp"
#include "eventbus/amqp/wakeup.hpp"

namespace eventbus::amqp {

class Link;

/// Messages that nothing of the same stream may overtake, and that are for one login only.
struct Stream {
  /// Grows; 0: none. Once a call has ended without all its messages confirmed, or the channel was lost, further calls
  /// of this stream and of older ones are not sent.
  std::uint64_t number = 0;
  std::uint64_t login = 0;  ///< Not sent on the connection of another login; 0: on any.
};

/// A connection to RabbitMQ with one thread of its own, which logs in and reconnects for ever: the hosts in turn, then
/// a pause with backoff and jitter. Operations may be called from any thread and suspend their coroutine, never the
/// thread. Each ends by its deadline: while the server is away it waits for it, and then throws `Unavailable` with the
/// reason. With TLS, a host that doesn't answer can hold up deadlines and the end by the connection timeout.
///
/// Use one connection for publishing and another one for consuming: a server that is low on memory stops reading from
/// the connections that publish, acknowledgements on them included.
class Connection {
 public:
  Connection(asio::any_io_executor loop, ConnectionSettings settings);
  /// Whatever waits fails with `Unavailable`; consumers call nobody any more. Blocks until the thread is over, which is
  /// at once. Destroy it on the loop.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  LinkState state() const;
  /// How often a login has succeeded: names the connection that is there now, or was last.
  std::uint64_t logins() const;
  /// What went wrong last, in one line without secrets; empty when nothing did.
  std::string trouble() const;
  /// Called on the loop after each change.
  void on_change(std::function<void(LinkState)> listener);
  /// Called on the loop whenever the connection is lost or an attempt to connect fails.
  void on_failure(std::function<void(LinkFailure)> listener);
  asio::awaitable<void> wait_connected(Deadline deadline);

  /// Sends on the one confirming channel; the messages of a call stay in order, and calls in the order made. The fates
  /// are those of the messages, in order. The error is about a message that can't be sent, then none was. Throws
  /// `Unavailable` only when nothing was sent. When channel or connection break in the middle, the call ends: what was
  /// in flight is `unknown`, the rest `unsent`. An exchange that doesn't exist breaks the channel: declare it first.
  asio::awaitable<Result<std::vector<Fate>>> publish(std::vector<Message> messages, Deadline deadline,
                                                     Stream stream = {});

  // Topology, one operation at a time. Errors are the caller's fault: `not_found`, or `conflict` where it exists with
  // other properties (`exchange_conflict`: an exchange of another type). Missing permission is `Unavailable`. After
  // `Unavailable` it may have been done or not.
  asio::awaitable<Result<void>> declare_exchange(std::string name, std::string type, bool durable, Deadline deadline);
  asio::awaitable<Result<void>> delete_exchange(std::string name, Deadline deadline);
  asio::awaitable<Result<QueueCounts>> declare_queue(QueueSpec queue, Deadline deadline);
  /// Fails with `not_found` rather than declaring the queue.
  asio::awaitable<Result<QueueCounts>> inspect_queue(std::string name, Deadline deadline);
  asio::awaitable<Result<void>> bind_queue(std::string queue, std::string exchange, std::string routing_key,
                                           Deadline deadline);
  asio::awaitable<Result<void>> unbind_queue(std::string queue, std::string exchange, std::string routing_key,
                                             Deadline deadline);
  /// The number of messages that went with it. It is no error when there is no such queue.
  asio::awaitable<Result<std::uint32_t>> delete_queue(std::string name, Deadline deadline);
  /// The number of messages that were ready, and are gone.
  asio::awaitable<Result<std::uint32_t>> purge_queue(std::string name, Deadline deadline);

  /// Consumes on a channel of its own until `cancel`, through every error and reconnect. At most `prefetch` (from 1)
  /// deliveries are outstanding. Bodies may be as large as the connection's, or as large as it says.
  std::shared_ptr<Consumer> consume(std::string queue, std::uint16_t prefetch, ConsumerHandler handler,
                                    std::optional<std::size_t> max_body_bytes = std::nullopt);
  /// What this queue did to the connection is forgotten: it is another one now, or none. See `Suspects`.
  void unsuspect(std::string queue);

 private:
  asio::any_io_executor loop_;
  std::size_t max_body_bytes_;
  std::unique_ptr<Link> link_;
  std::vector<std::weak_ptr<Consumer>> consumers_;
  std::uint64_t consumer_keys_ = 0;
};

}  // namespace eventbus::amqp
