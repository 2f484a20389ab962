#include "eventbus/delivery/lease_table.hpp"

namespace eventbus::delivery {

void LeaseTable::open(LeaseId id, std::vector<EntryId> entries) {
  const auto unanswered = entries.size();
  leases_.emplace(id, Lease{std::move(entries), unanswered});
}

void LeaseTable::close(LeaseId id) {
  const auto lease = leases_.find(id);
  if (lease != leases_.end() && --lease->second.unanswered == 0) leases_.erase(lease);
}

std::vector<std::pair<LeaseId, std::vector<EntryId>>> LeaseTable::take_ended(Timestamp now) {
  std::vector<std::pair<LeaseId, std::vector<EntryId>>> ended;
  while (!leases_.empty() && leases_.begin()->first.until <= now) {
    ended.emplace_back(leases_.begin()->first, std::move(leases_.begin()->second.entries));
    leases_.erase(leases_.begin());
  }
  return ended;
}

std::optional<Timestamp> LeaseTable::next_end() const {
  if (leases_.empty()) return std::nullopt;
  return leases_.begin()->first.until;
}

}  // namespace eventbus::delivery
