#include "eventbus/delivery/queue_change.hpp"

#include <vector>

namespace eventbus::delivery {

Result<void> changeable(const QueueDefinition& old, const QueueDefinition& wanted) {
  std::vector<FieldError> fields;
  if (old.ordered != wanted.ordered) {
    fields.push_back({"ordered", old.ordered ? "is true and cannot be changed" : "is false and cannot be changed"});
  }
  if (old.start_from != wanted.start_from) fields.push_back({"start_from", "cannot be changed"});
  if (fields.empty()) return {};
  return fail(ErrorCode::queue_conflict,
              "Queue '" + old.name + "' exists with another definition. Delete it first, or declare it as it is.",
              std::move(fields));
}

}  // namespace eventbus::delivery
