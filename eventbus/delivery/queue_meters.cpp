#include "eventbus/delivery/queue_meters.hpp"

namespace eventbus::delivery {
namespace {

constexpr std::size_t types_told_apart = 256;

}  // namespace

QueueMeters::QueueMeters(BrokerMetrics& metrics, std::string_view queue)
    : series(metrics, queue),
      delivered(metrics.deliveries.with({queue, "delivered"})),
      acked(metrics.deliveries.with({queue, "acked"})),
      nacked(metrics.deliveries.with({queue, "nacked"})),
      expired(metrics.deliveries.with({queue, "expired"})),
      given_back(metrics.deliveries.with({queue, "given_back"})),
      retries(metrics.retries.with({queue})),
      delivery_time(metrics.delivery_time.with({queue})),
      end_to_end(metrics.end_to_end.with({queue})),
      consumed{&metrics.consumed.with({"other", queue})} {}

std::uint32_t QueueMeters::type_index(BrokerMetrics& metrics, std::string_view queue, std::string_view event_type) {
  const std::string type(event_type);
  if (const auto known = types_.find(type); known != types_.end()) return known->second;
  if (types_.size() >= types_told_apart) return 0;
  const auto index = static_cast<std::uint32_t>(consumed.size());
  consumed.push_back(&metrics.consumed.with({event_type, queue}));
  types_.emplace(type, index);
  return index;
}

}  // namespace eventbus::delivery
