#include "eventbus/broker/embedded/queue_writer.hpp"

#include <algorithm>

#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::embedded {
namespace {

bool acknowledges(const QueueCommit& commit) {
  return std::ranges::any_of(commit.settlings, [](const Settling& settling) { return settling.fate == Fate::acked; });
}

}  // namespace

asio::awaitable<void> QueueWriter::durable(QueuePtr queue) {
  if (queue->removed) co_return;
  auto enlist = [this, &queue](Completion<bool> done) {
    queue->awaiting_commit.push_back(std::move(done));
    write(queue);
  };
  co_await suspend<bool>(enlist);
}

void QueueWriter::write(QueuePtr queue, bool always) {
  if (queue->writing || queue->removed) return;
  if (!always && !queue->state.pending() && queue->awaiting_commit.empty()) return;
  queue->writing = true;
  tasks_.spawn("queue writes", drain(std::move(queue), always));
}

asio::awaitable<void> QueueWriter::drain(QueuePtr queue, bool always) {
  while (always || queue->state.pending() || !queue->awaiting_commit.empty()) {
    always = false;
    auto commit = queue->compose(head_);
    auto waiting = std::exchange(queue->awaiting_commit, {});
    const auto failure = co_await store(queue, commit);
    if (failure) {
      queue->rest_until = clock_() + rest_after_failure;
      queue->abort(commit, clock_());
    } else {
      queue->finish(commit);
      observe(*queue, commit);
    }
    closed_(queue);
    for (auto& done : waiting) done(failure, true);
    if (failure && queue->awaiting_commit.empty()) break;
  }
  queue->writing = false;
}

asio::awaitable<std::exception_ptr> QueueWriter::store(const QueuePtr& queue, const QueueCommit& commit) {
  const bool acks = acknowledges(commit);
  if (acks) crash_point("broker.before_ack_commit");
  try {
    co_await storage_.commit(queue->id, commit);
  } catch (const Unavailable& error) {
    log_warning("queue state could not be written; deliveries stay as they were and background work is tried again",
                {{"queue", std::string_view(queue->definition.name)}, {"error", std::string_view(error.what())}});
    co_return std::current_exception();
  }
  if (acks) crash_point("broker.after_ack_commit");
  co_return nullptr;
}

void QueueWriter::observe(Queue& queue, const QueueCommit& commit) {
  const auto now = clock_();
  std::uint64_t acked = 0;
  std::uint64_t run = 0;
  std::uint32_t type = 0;
  for (const auto& settling : commit.settlings) {
    if (settling.leased_at != Timestamp{}) {
      queue.metrics.delivery_time.observe(std::chrono::duration<double>(now - settling.leased_at).count());
    }
    if (settling.fate == Fate::acked) {
      ++acked;
      if (settling.type != type && run > 0)
        queue.metrics.consumed[type]->add(static_cast<double>(std::exchange(run, 0)));
      type = settling.type;
      ++run;
      continue;
    }
    if (settling.leased_at != Timestamp{}) (settling.lease_ended ? queue.metrics.expired : queue.metrics.nacked).add();
    if (settling.fate == Fate::retried) queue.metrics.retries.add();
  }
  if (run > 0) queue.metrics.consumed[type]->add(static_cast<double>(run));
  if (acked > 0) queue.metrics.acked.add(static_cast<double>(acked));
  for (const auto& dead : commit.dead_letters) metrics_.dead_letters.with({queue.definition.name, dead.reason}).add();
  queue.dead_letters += commit.dead_letters.size();
}

}  // namespace eventbus::embedded
