#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <deque>
#include <span>

#include "eventbus/core/event.hpp"

namespace eventbus::embedded {

/// Events at hand, shared by all queues: the newest of the log without gap (the tail), and those read back for queues
/// that lag. Each part is bounded in bytes.
class BodyCache {
 public:
  explicit BodyCache(std::size_t bytes) : capacity_(bytes) {}

  /// An event just committed, in commit order; `before` is the head of the log before it.
  void append(const StoredEvent& event, Position before);
  /// An event read back from the store.
  void keep(StoredEvent event);

  /// Null when not at hand. Valid until the next append or keep.
  const StoredEvent* find(Position position) const;
  /// Whether the tail holds every event behind `after`.
  bool covers(Position after) const { return !tail_.empty() && after >= tail_after_; }
  /// Place in the tail of the first event behind `after`, for `tail`.
  std::size_t tail_index(Position after) const;
  const std::deque<StoredEvent>& tail() const { return tail_; }

 private:
  std::size_t capacity_;
  std::deque<StoredEvent> tail_;
  Position tail_after_ = 0;
  std::size_t tail_bytes_ = 0;
  boost::unordered_flat_map<Position, StoredEvent> kept_;
  std::deque<Position> kept_order_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace eventbus::embedded
