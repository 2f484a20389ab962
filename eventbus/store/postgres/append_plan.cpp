#include "eventbus/store/postgres/append_plan.hpp"

#include <utility>

namespace eventbus::postgres_store {

AppendPlan::AppendPlan(const std::vector<AppendRequest>& requests, const KnownEvents& known) : known_(known) {
  outcomes_.reserve(requests.size());
  for (const auto& request : requests) outcomes_.push_back(request.atomic ? plan_atomic(request) : plan_each(request));
}

const Event* AppendPlan::find(std::string_view event_id) const {
  if (const auto known = known_.find(event_id); known != known_.end()) return known->second.event.get();
  const auto inserted = inserted_.find(event_id);
  return inserted == inserted_.end() ? nullptr : inserts_[inserted->second].get();
}

std::vector<AppendPlan::Outcome> AppendPlan::plan_each(const AppendRequest& request) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(request.drafts.size());
  for (const auto& draft : request.drafts) outcomes.push_back(plan_draft(draft));
  return outcomes;
}

std::vector<AppendPlan::Outcome> AppendPlan::plan_atomic(const AppendRequest& request) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(request.drafts.size());
  std::unordered_map<std::string_view, const Event*> earlier;
  bool conflict = false;
  for (const auto& draft : request.drafts) {
    const Event* before = find(draft.event->event_id);
    const auto [place, first] = earlier.emplace(draft.event->event_id, draft.event.get());
    if (before == nullptr && !first) before = place->second;
    const bool conflicts = before != nullptr && !repeats(*before, draft);
    conflict = conflict || conflicts;
    const auto status = conflicts ? AppendStatus::conflict : AppendStatus::aborted;
    outcomes.push_back({{status, {0, {}, draft.event}}, std::nullopt});
  }
  if (!conflict) return plan_each(request);
  refuses_request_ = true;
  return outcomes;
}

AppendPlan::Outcome AppendPlan::plan_draft(const EventDraft& draft) {
  const Event* before = find(draft.event->event_id);
  if (before == nullptr) {
    inserts_.push_back(draft.event);
    inserted_.emplace(draft.event->event_id, inserts_.size() - 1);
    return {{AppendStatus::stored, {0, {}, draft.event}}, inserts_.size() - 1};
  }
  if (!repeats(*before, draft)) return {{AppendStatus::conflict, {0, {}, draft.event}}, std::nullopt};
  if (const auto known = known_.find(draft.event->event_id); known != known_.end())
    return {{AppendStatus::duplicate, known->second}, std::nullopt};
  const auto insert = inserted_.at(draft.event->event_id);
  return {{AppendStatus::duplicate, {0, {}, inserts_[insert]}}, insert};
}

std::vector<std::vector<Appended>> AppendPlan::results(Position first, Timestamp stored_at) && {
  std::vector<std::vector<Appended>> results;
  results.reserve(outcomes_.size());
  for (auto& request : outcomes_) {
    auto& appended = results.emplace_back();
    appended.reserve(request.size());
    for (auto& [outcome, insert] : request) {
      if (insert) {
        outcome.event.position = first + static_cast<Position>(*insert);
        outcome.event.stored_at = stored_at;
      }
      appended.push_back(std::move(outcome));
    }
  }
  return results;
}

}  // namespace eventbus::postgres_store
