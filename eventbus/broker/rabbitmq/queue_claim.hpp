#pragma once

#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "eventbus/amqp/server_refusal.hpp"
#include "eventbus/broker/rabbitmq/queue_catalog.hpp"

namespace eventbus::rabbitmq {

/// The right to make or remove a queue on RabbitMQ, with its dead-letter and delay queues: nobody else does meanwhile,
/// in this instance or another. For the event-loop thread; members throw `Unavailable`.
class QueueClaim {
 public:
  /// `working` holds the names that this instance makes or removes just now.
  QueueClaim(QueueCatalog& catalog, std::set<std::string>& working, std::string queue, InstanceId instance)
      : catalog_(catalog), working_(working), queue_(std::move(queue)), instance_(instance) {
    alone_ = working_.insert(queue_).second;
  }
  ~QueueClaim() {
    if (alone_) working_.erase(queue_);
  }
  QueueClaim(const QueueClaim&) = delete;
  QueueClaim& operator=(const QueueClaim&) = delete;

  /// False: somebody else makes or removes it.
  asio::awaitable<bool> take(QueueCatalog::Work work) {
    if (!alone_) co_return false;
    co_return co_await catalog_.claim(queue_, instance_, work);
  }

  /// Before each step on the server; throws when the claim has lapsed.
  asio::awaitable<void> go_on() {
    co_await catalog_.prolong(queue_, instance_);
    under_way_ = true;
  }

  /// Does the work and ends the claim. What failed without an answer may still be under way on the server: then the
  /// claim is kept until it lapses or this instance goes on.
  template <class T>
  asio::awaitable<T> during(asio::awaitable<T> work) {
    std::exception_ptr failure;
    std::optional<T> result;
    try {
      result.emplace(co_await std::move(work));
      under_way_ = false;
    } catch (const amqp::Refused&) {
      failure = std::current_exception();
      under_way_ = false;
    } catch (const Unavailable&) {
      failure = std::current_exception();
    }
    if (!under_way_) co_await catalog_.release(queue_, instance_);
    if (failure) std::rethrow_exception(failure);
    co_return *std::move(result);
  }

 private:
  QueueCatalog& catalog_;
  std::set<std::string>& working_;
  std::string queue_;
  InstanceId instance_;
  bool alone_ = false;
  bool under_way_ = false;
};

}  // namespace eventbus::rabbitmq
