#include "eventbus/http/batch_result.hpp"

#include <iterator>

#include "eventbus/core/json.hpp"
#include "eventbus/http/event_answers.hpp"
#include "eventbus/http/problem.hpp"

namespace eventbus {
namespace {

constexpr std::size_t most_failures_listed = 1000;

/// A batch of which nothing was stored is answered with the status of its weightiest reason: what passes by itself
/// before what doesn't, so that a client that may try again does.
int weight(ErrorCode code) {
  switch (describe(code).status) {
    case 500:
      return 4;
    case 503:
      return 3;
    case 429:
      return 2;
    case 409:
      return 1;
    default:
      return 0;
  }
}

std::string begin_entry(std::size_t index, std::string_view event_id, std::string_view status) {
  auto entry = R"({"index":)" + std::to_string(index) + R"(,"event_id":)";
  if (event_id.empty()) {
    entry += "null";
  } else {
    append_json_string(entry, event_id);
  }
  return entry.append(R"(,"status":")").append(status).append(R"(")");
}

}  // namespace

void BatchResult::add(const BatchItem& item, const PublishOutcome& outcome) {
  const auto& event_id = outcome.event.event->event_id;
  const auto status = publish_status(outcome);
  if (status.empty()) return refuse(item, event_id, refusal_of(outcome));
  ++(outcome.status == AppendStatus::duplicate ? duplicates_ : stored_);
  if (detail_ == Detail::all) list(item.index, begin_entry(item.index, event_id, status) + '}');
}

void BatchResult::refuse(const BatchItem& item, std::string_view event_id, const Error& error) {
  ++failed_;
  call_.services.metrics.count_rejected(error.code);
  if (!weightiest_ || weight(error.code) > weight(weightiest_->code)) weightiest_ = error;
  const bool listed =
      detail_ == Detail::all || entries_.size() < most_failures_listed || item.index < entries_.rbegin()->first;
  if (!listed) return;
  const auto place = item.place ? *item.place : element(item.index).place;
  auto entry = begin_entry(item.index, event_id, "failed");
  entry += R"(,"error":)";
  append_event_error(entry, error, place);
  list(item.index, entry + '}');
}

void BatchResult::list(std::size_t index, std::string entry) {
  entries_.insert_or_assign(entries_.end(), index, std::move(entry));
  if (detail_ == Detail::failures && entries_.size() > most_failures_listed) entries_.erase(std::prev(entries_.end()));
}

const BatchElement& BatchResult::element(std::size_t index) {
  if (elements_.empty()) elements_ = batch_elements(call_.body);
  return elements_.at(index);
}

std::string BatchResult::members() const {
  std::string out = R"("total":)" + std::to_string(accepted() + failed_) + R"(,"stored":)" + std::to_string(stored_) +
                    R"(,"duplicates":)" + std::to_string(duplicates_) + R"(,"failed":)" + std::to_string(failed_) +
                    R"(,"results":[)";
  for (const auto& [index, entry] : entries_) {
    if (out.back() != '[') out += ',';
    out += entry;
  }
  out += ']';
  if (detail_ == Detail::failures && failed_ > most_failures_listed) out += R"(,"results_truncated":true)";
  return out;
}

void BatchResult::answer() {
  if (failed_ > 0 && accepted() == 0) return answer_refusal();
  auto& answer = call_.answer;
  answer.status = failed_ > 0 ? 207 : accepted() > 0 ? 201 : 200;
  answer.body.append("{").append(members()).append("}");
}

void BatchResult::answer_refusal() {
  const auto code = weight(weightiest_->code) > 0 ? weightiest_->code : ErrorCode::invalid;
  const Error none{code, "No event of the batch was stored; results says why for each. " + weightiest_->detail};
  auto& answer = call_.answer;
  answer.status = describe(code).status;
  answer.content_type = problem_type;
  if (retryable(code)) answer.add_header("Retry-After", std::to_string(retry_after_.count()));
  append_problem(answer.body, none, call_.correlation_id(), "," + members());
}

}  // namespace eventbus
