#include "eventbus/delivery/queue_meters.hpp"

#include <utility>

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
      metrics_(metrics),
      queue_(queue),
      consumed_{&metrics.consumed.with({"other", queue})} {}

std::uint32_t QueueMeters::type_index(std::string_view event_type) {
  if (const auto known = types_.find(event_type); known != types_.end()) return known->second;
  if (types_.size() >= types_told_apart) return 0;
  const auto index = static_cast<std::uint32_t>(consumed_.size());
  consumed_.push_back(&metrics_.consumed.with({event_type, queue_}));
  types_.emplace(event_type, index);
  return index;
}

void QueueMeters::observe(const Settlement& settlement, Timestamp now) {
  for (const auto& settling : settlement.settlings) {
    const bool was_out = settling.leased_at != Timestamp{};
    if (was_out) delivery_time.observe(std::chrono::duration<double>(now - settling.leased_at).count());
    if (settling.fate == Fate::acked) continue;
    if (was_out) (settling.lease_ended ? expired : nacked).add();
    if (settling.fate == Fate::retried) retries.add();
  }
  count_acked(settlement);
  for (const auto& dead : settlement.dead_letters) metrics_.dead_letters.with({queue_, dead.reason}).add();
}

/// Those of one type mostly come one after the other.
void QueueMeters::count_acked(const Settlement& settlement) {
  std::uint64_t all = 0;
  std::uint64_t run = 0;
  std::uint32_t type = 0;
  const auto add_run = [&] {
    if (run > 0) consumed_[type]->add(static_cast<double>(std::exchange(run, 0)));
  };
  for (const auto& settling : settlement.settlings) {
    if (settling.fate != Fate::acked) continue;
    if (settling.type != type) add_run();
    type = settling.type;
    ++run;
    ++all;
  }
  add_run();
  if (all > 0) acked.add(static_cast<double>(all));
}

}  // namespace eventbus::delivery
