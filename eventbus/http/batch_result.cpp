#include "eventbus/http/batch_result.hpp"

#include "eventbus/core/json.hpp"
#include "eventbus/http/event_answers.hpp"
#include "eventbus/http/problem.hpp"

namespace eventbus {
namespace {

constexpr std::size_t most_failures_listed = 1000;

}  // namespace

void BatchResult::add(std::size_t index, const PublishOutcome& outcome) {
  const auto status = publish_status(outcome);
  if (status.empty()) return refuse(index, outcome.event.event->event_id, refusal_of(outcome));
  ++(outcome.status == AppendStatus::duplicate ? duplicates_ : stored_);
  if (detail_ == Detail::all) begin_entry(index, outcome.event.event->event_id, status) += '}';
}

void BatchResult::refuse(std::size_t index, std::string_view event_id, const Error& error) {
  ++failed_;
  call_.services.metrics.count_rejected(error.code);
  if (detail_ == Detail::failures && failed_ > most_failures_listed) return;
  auto& out = begin_entry(index, event_id, "failed");
  out += R"(,"error":)";
  append_error_object(out, error);
  out += '}';
}

std::string& BatchResult::begin_entry(std::size_t index, std::string_view event_id, std::string_view status) {
  if (!results_.empty()) results_ += ',';
  results_ += R"({"index":)" + std::to_string(index) + R"(,"event_id":)";
  if (event_id.empty()) {
    results_ += "null";
  } else {
    append_json_string(results_, event_id);
  }
  results_.append(R"(,"status":")").append(status).append(R"(")");
  return results_;
}

std::string BatchResult::members() const {
  std::string out = R"("total":)" + std::to_string(accepted() + failed_) + R"(,"stored":)" + std::to_string(stored_) +
                    R"(,"duplicates":)" + std::to_string(duplicates_) + R"(,"failed":)" + std::to_string(failed_) +
                    R"(,"results":[)";
  out.append(results_).append("]");
  if (detail_ == Detail::failures && failed_ > most_failures_listed) out += R"(,"results_truncated":true)";
  return out;
}

void BatchResult::answer() {
  auto& answer = call_.answer;
  if (accepted() > 0) {
    answer.status = failed_ == 0 ? 201 : 207;
    answer.body.append("{").append(members()).append("}");
    return;
  }
  const Error none{ErrorCode::invalid, "No event of the batch was stored; results says why for each."};
  answer.status = describe(none.code).status;
  answer.content_type = problem_type;
  append_problem(answer.body, none, call_.correlation_id(), "," + members());
}

}  // namespace eventbus
