#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/bus/publisher.hpp"
#include "eventbus/http/call.hpp"

namespace eventbus {

/// Gathers what became of each event of a batch and makes the answer of it.
class BatchResult {
 public:
  enum class Detail : unsigned char { all, failures };  ///< Which events `results` lists; of failures the first 1000.
  BatchResult(Call& call, Detail detail) : call_(call), detail_(detail) {}

  void add(std::size_t index, const PublishOutcome& outcome);
  void refuse(std::size_t index, std::string_view event_id, const Error& error);

  std::size_t failed() const { return failed_; }
  std::size_t accepted() const { return stored_ + duplicates_; }
  /// Fills the call's answer: 201, 207, or 422 as a problem that carries the same members.
  void answer();

 private:
  std::string& begin_entry(std::size_t index, std::string_view event_id, std::string_view status);
  std::string members() const;

  Call& call_;
  Detail detail_;
  std::size_t stored_ = 0;
  std::size_t duplicates_ = 0;
  std::size_t failed_ = 0;
  std::string results_;
};

}  // namespace eventbus
