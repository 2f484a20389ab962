#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/bus/publisher.hpp"
#include "eventbus/core/batch_elements.hpp"
#include "eventbus/http/call.hpp"

namespace eventbus {

/// Which event of a batch is meant.
struct BatchItem {
  std::size_t index = 0;  ///< Among the events of the batch, from 0.
  std::optional<TextPlace> place =
      {};  ///< In the body, of the event or its fault; none: of this element of the JSON body.
};

/// Gathers what became of each event of a batch, in whatever order that comes, and makes the answer of it.
class BatchResult {
 public:
  enum class Detail : unsigned char { all, failures };  ///< Which events `results` lists; of failures the first 1000.
  BatchResult(Call& call, Detail detail) : call_(call), detail_(detail) {}

  void add(const BatchItem& item, const PublishOutcome& outcome);
  /// `event_id` is the one that the event names; empty: none.
  void refuse(const BatchItem& item, std::string_view event_id, const Error& error);
  /// A Retry-After of at least this long, where the answer has one.
  void retry_after(std::chrono::seconds wait) { retry_after_ = std::max(retry_after_, wait); }

  /// An element of the call's JSON body.
  const BatchElement& element(std::size_t index);
  std::size_t failed() const { return failed_; }
  std::size_t accepted() const { return stored_ + duplicates_; }
  /// Fills the call's answer: 200 without events, 201, 207, or where nothing was stored a problem that carries the same
  /// members, with the code of the weightiest reason.
  void answer();

 private:
  void list(std::size_t index, std::string entry);
  std::string members() const;
  void answer_refusal();

  Call& call_;
  Detail detail_;
  std::size_t stored_ = 0;
  std::size_t duplicates_ = 0;
  std::size_t failed_ = 0;
  std::optional<Error> weightiest_;
  std::chrono::seconds retry_after_{1};
  std::vector<BatchElement> elements_;          ///< Of the JSON body, once one was asked for.
  std::map<std::size_t, std::string> entries_;  ///< Of `results`, by index.
};

}  // namespace eventbus
