#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "eventbus/delivery/settlement.hpp"

namespace eventbus::delivery {

/// Names the lease that the deliveries of one receive share.
struct LeaseId {
  Timestamp until{};
  std::uint64_t serial = 0;
  auto operator<=>(const LeaseId&) const = default;
};

/// Leases by the time they end. A lease is kept until all its deliveries are answered, so that it costs one tree
/// operation a receive, not one an event.
class LeaseTable {
 public:
  LeaseId name(Timestamp until) { return {until, ++serial_}; }
  /// `entries` is not empty.
  void open(LeaseId id, std::vector<EntryId> entries);
  /// One delivery of the lease was answered.
  void close(LeaseId id);
  /// Removes the leases that ended by `now` and returns their entries, answered ones included.
  std::vector<std::pair<LeaseId, std::vector<EntryId>>> take_ended(Timestamp now);

  std::optional<Timestamp> next_end() const;
  std::size_t size() const { return leases_.size(); }

 private:
  struct Lease {
    std::vector<EntryId> entries;
    std::size_t unanswered;
  };
  std::map<LeaseId, Lease> leases_;
  std::uint64_t serial_ = 0;
};

}  // namespace eventbus::delivery
