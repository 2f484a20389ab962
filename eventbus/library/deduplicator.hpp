#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace eventbus {

/// Remembers the last `capacity` event ids that a consumer has handled, in the memory of this process: a handler that
/// asks it first handles an event that is delivered again only once, unless the process restarted or `capacity` others
/// were handled in between. Thread-safe.
class Deduplicator {
 public:
  /// `capacity` from 1: higher remembers longer, at about 150 bytes an id.
  explicit Deduplicator(std::size_t capacity = 100'000);

  /// Whether the id was remembered already. Remembers nothing: call `remember` once the event is handled, so that an
  /// event whose handling fails is not taken for done.
  bool contains(std::string_view event_id) const;
  /// Remembers the id and forgets the oldest one beyond the capacity. False when it was remembered before, which
  /// leaves its age as it was.
  bool remember(std::string_view event_id);
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::size_t capacity_;
  std::deque<std::string> by_age_;  ///< Oldest first; `ids_` looks into it.
  std::unordered_set<std::string_view> ids_;
};

}  // namespace eventbus
