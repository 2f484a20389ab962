#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "eventbus/store/event_store.hpp"

namespace eventbus::postgres_store {

/// Events that the database is known to hold, by their ids (which live in the events).
using KnownEvents = std::unordered_map<std::string_view, StoredEvent>;

/// What a group of requests comes to, given what is known: the fate of each draft, and the events to insert. Decides
/// only; the ids of the inserts differ from each other and from those known.
class AppendPlan {
 public:
  AppendPlan(const std::vector<AppendRequest>& requests, const KnownEvents& known);

  /// Whether an atomic request is refused: which of its drafts conflict is certain only when all that is stored under
  /// their ids is known.
  bool refuses_request() const { return refuses_request_; }
  const std::vector<EventPtr>& inserts() const { return inserts_; }
  /// The outcomes once the inserts stand at `first`, `first` + 1, …
  std::vector<std::vector<Appended>> results(Position first, Timestamp stored_at) &&;

 private:
  struct Outcome {
    Appended appended;
    std::optional<std::size_t> insert;  ///< Its event is this insert.
  };

  const Event* find(std::string_view event_id) const;
  std::vector<Outcome> plan_each(const AppendRequest& request);
  std::vector<Outcome> plan_atomic(const AppendRequest& request);
  Outcome plan_draft(const EventDraft& draft);

  const KnownEvents& known_;
  bool refuses_request_ = false;
  std::vector<EventPtr> inserts_;
  std::unordered_map<std::string_view, std::size_t> inserted_;
  std::vector<std::vector<Outcome>> outcomes_;
};

}  // namespace eventbus::postgres_store
