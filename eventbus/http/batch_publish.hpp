#pragma once

#include <memory>
#include <vector>

#include "eventbus/http/batch_result.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus {

/// Publishes the events of one batch in their order: gathers them to groups, has few groups under way at a time, and
/// notes what became of each event. Atomic: one group of them all. Lives in the coroutine that calls `finish`, which
/// joins every task.
class BatchPublish {
 public:
  BatchPublish(Call& call, BatchResult::Detail detail, bool atomic);

  /// The next event; `bytes` is the length of its text. One that is none goes to `result` as refused.
  void take(const BatchItem& item, EventDraft draft, std::size_t bytes);
  /// What was taken and not published is a group: call `publish` before taking more.
  bool full() const;
  /// Starts to publish what was taken, once there is room for it.
  asio::awaitable<void> publish();
  /// Publishes the rest and waits for all; with `complete` false an atomic batch is refused instead.
  asio::awaitable<void> finish(bool complete);

  BatchResult& result() { return result_; }

 private:
  struct Group {
    std::vector<BatchItem> items;
    std::vector<EventDraft> drafts;
    std::size_t bytes = 0;
  };

  asio::awaitable<void> run(std::shared_ptr<const Group> group, Publisher::Places places);
  void fail(const Group& group, const std::exception& failure);
  void note(const Group& group, const std::vector<Result<PublishOutcome>>& outcomes);
  void refuse(const Group& group, const Error& error);

  Call& call_;
  BatchResult result_;
  Signal changed_;
  TaskGroup tasks_;
  Group gathered_;
  std::size_t under_way_ = 0;  ///< Groups.
  bool atomic_;
};

}  // namespace eventbus
