#include "eventbus/broker/embedded/queue.hpp"

namespace eventbus::embedded {

Queue::Queue(asio::any_io_executor executor, BrokerMetrics& broker_metrics, const StoredQueue& stored,
             CursorLimits limits, std::size_t most_outstanding)
    : QueueDecisions(stored.definition, limits, most_outstanding, static_cast<std::uint64_t>(stored.id) + 1),
      id(stored.id),
      definition(stored.definition),
      declared_at(stored.declared_at),
      declared_time(stored.declared_time),
      paused(stored.paused),
      dead_letters(stored.dead_letters),
      history(stored.epochs, stored.declared_at, stored.definition.start_from),
      metrics(broker_metrics, stored.definition.name),
      filled(std::move(executor)) {}

}  // namespace eventbus::embedded
