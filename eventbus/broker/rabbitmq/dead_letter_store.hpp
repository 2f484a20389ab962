#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/broker/rabbitmq/resting_message.hpp"
#include "eventbus/postgres/connection_pool.hpp"

namespace eventbus::rabbitmq {

namespace asio = boost::asio;

/// The dead letters of all queues, in PostgreSQL (docs/dead-letters.md). Queues are named by their id. What leaves is
/// remembered by its entry for two hours. For the event-loop thread; all members throw `Unavailable`.
class DeadLetterStore {
 public:
  using QueueId = std::int64_t;

  DeadLetterStore(postgres::ConnectionPool& pool, std::chrono::milliseconds timeout) : pool_(pool), timeout_(timeout) {}

  asio::awaitable<void> migrate();

  /// How many are new: an entry rests here once. Durable on return. Throws as well when the queue is no more.
  asio::awaitable<std::uint64_t> add(QueueId queue, std::vector<RestingMessage> messages);
  /// Those of the entries that rest here, or did within two hours.
  asio::awaitable<std::set<std::string>> known(QueueId queue, std::vector<std::string> entries);

  struct Page {
    std::vector<RestingMessage> messages;  ///< By position, then by number.
    bool more = false;
  };
  /// Up to `limit` after that position and number, and no more than fit into `most_page_bytes`, but one at least.
  asio::awaitable<Page> page(QueueId queue, Position after, std::int64_t after_number, std::size_t limit);

  /// Of what is here now.
  struct Matched {
    std::uint64_t count = 0;
    std::int64_t newest = 0;  ///< Number of the newest.
  };
  asio::awaitable<Matched> matched(QueueId queue, DeadLetterSelection selection);
  /// Whether there are such, taken or not.
  asio::awaitable<bool> any(QueueId queue, DeadLetterSelection selection, std::int64_t newest);
  /// The first of them, up to `limit` and to `newest`, for a minute or until `put_back`: nobody else takes or deletes
  /// them meanwhile.
  asio::awaitable<std::vector<RestingMessage>> take(QueueId queue, DeadLetterSelection selection, std::int64_t newest,
                                                    std::size_t limit);
  asio::awaitable<void> put_back(std::vector<std::int64_t> numbers);
  /// Those that were taken.
  asio::awaitable<void> remove(QueueId queue, std::vector<std::int64_t> numbers);
  /// The first of those that match, up to `limit` and to `newest`; how many.
  asio::awaitable<std::uint64_t> remove(QueueId queue, DeadLetterSelection selection, std::int64_t newest,
                                        std::size_t limit);

  /// Of each queue that has any.
  asio::awaitable<std::map<QueueId, std::uint64_t>> counts();
  /// Forgets some of what left long ago, and of what belonged to queues that are no more. True: there may be more.
  asio::awaitable<bool> tidy();

  static constexpr std::size_t most_at_once = 1000;

 private:
  asio::awaitable<std::uint64_t> add_part(QueueId queue, std::span<RestingMessage> messages);
  asio::awaitable<std::uint64_t> insert(QueueId queue, std::span<const RestingMessage> messages);
  asio::awaitable<bool> remove_some(std::string_view table, std::string_view condition,
                                    std::vector<std::int64_t> queues);
  asio::awaitable<postgres::Rows> run(postgres::Statement statement);

  postgres::ConnectionPool& pool_;
  std::chrono::milliseconds timeout_;
};

}  // namespace eventbus::rabbitmq
