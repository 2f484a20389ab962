#include "eventbus/http/ndjson_publish.hpp"

#include <deque>
#include <optional>

#include "eventbus/http/batch_result.hpp"
#include "eventbus/http/body_lines.hpp"
#include "eventbus/runtime/signal.hpp"
#include "eventbus/runtime/task_group.hpp"

namespace eventbus {
namespace {

constexpr std::size_t group_events = 1000;
constexpr std::size_t group_bytes = std::size_t{4} << 20U;
constexpr std::size_t groups_under_way = 2;

/// One group of lines that is being published, or was.
struct Group {
  std::vector<std::size_t> indexes;
  std::vector<EventDraft> drafts;
  std::size_t bytes = 0;
};

/// The state of one NDJSON request. Lives in the coroutine of `publish_ndjson`, which joins every task it spawned.
class NdjsonPublish {
 public:
  NdjsonPublish(Call& call, bool atomic)
      : call_(call),
        context_(call.publish_context()),
        result_(call, BatchResult::Detail::failures),
        lines_(call.services.settings.max_event_bytes),
        changed_(call.connection.executor()),
        tasks_(call.connection.executor()),
        atomic_(atomic) {}

  asio::awaitable<Result<void>> run();

 private:
  void take_line(std::string_view line, bool too_long);
  asio::awaitable<void> publish_full_groups();
  asio::awaitable<Result<void>> read_all();
  asio::awaitable<void> publish(std::shared_ptr<Group> group);
  void start(Group group);
  void note(Group& group, std::vector<Result<PublishOutcome>> outcomes);
  void refuse_all(const Group& group, const Error& error);
  Result<void> conclude();
  bool full(const Group& group) const {
    return !atomic_ && (group.drafts.size() >= group_events || group.bytes >= group_bytes);
  }

  Call& call_;
  PublishContext context_;
  BatchResult result_;
  BodyLines lines_;
  Signal changed_;
  TaskGroup tasks_;
  Group gathering_;
  std::deque<Group> ready_;
  std::size_t index_ = 0;
  std::size_t received_ = 0;
  std::size_t invalid_ = 0;
  std::size_t under_way_ = 0;
  std::optional<Error> refused_;  ///< The first error that refused a whole group.
  std::exception_ptr failure_;    ///< The first failure to store a group.
  bool atomic_;
};

void NdjsonPublish::take_line(std::string_view line, bool too_long) {
  if (line.empty() && !too_long) return;
  const auto index = index_++;
  if (too_long) {
    ++invalid_;
    return result_.refuse(
        index, {},
        {ErrorCode::too_large, "The line is longer than " + std::to_string(context_.max_event_bytes) + " bytes."});
  }
  auto draft = parse_event(line, context_);
  if (!draft) {
    ++invalid_;
    return result_.refuse(index, {}, draft.error());
  }
  gathering_.indexes.push_back(index);
  gathering_.drafts.push_back(std::move(*draft));
  gathering_.bytes += line.size();
  if (full(gathering_)) ready_.push_back(std::exchange(gathering_, {}));
}

asio::awaitable<Result<void>> NdjsonPublish::read_all() {
  const auto take = [this](std::string_view line, bool too_long) { take_line(line, too_long); };
  for (;;) {
    auto piece = co_await call_.body_reader.next();
    if (!piece) co_return std::unexpected(std::move(piece.error()));
    if (piece->empty()) break;
    received_ += piece->size();
    if (atomic_ && received_ > call_.services.settings.max_batch_bytes) {
      co_return fail(ErrorCode::too_large, "An atomic NDJSON body may have " +
                                               std::to_string(call_.services.settings.max_batch_bytes) + " bytes.");
    }
    lines_.feed(*piece, take);
    co_await publish_full_groups();
  }
  lines_.finish(take);
  co_return Result<void>{};
}

asio::awaitable<void> NdjsonPublish::publish_full_groups() {
  while (!ready_.empty()) {
    while (under_way_ >= groups_under_way) co_await changed_.wait();
    start(std::move(ready_.front()));
    ready_.pop_front();
  }
}

void NdjsonPublish::start(Group group) {
  ++under_way_;
  tasks_.spawn("ndjson group", publish(std::make_shared<Group>(std::move(group))));
}

asio::awaitable<void> NdjsonPublish::publish(std::shared_ptr<Group> group) {
  try {
    auto outcomes = co_await call_.services.bus.publisher.publish_batch(group->drafts, atomic_);
    if (outcomes) {
      note(*group, std::move(*outcomes));
    } else {
      refuse_all(*group, outcomes.error());
      if (!refused_) refused_ = std::move(outcomes.error());
    }
  } catch (const std::exception& failure) {
    refuse_all(*group, {ErrorCode::unavailable, failure.what()});
    if (!failure_) failure_ = std::current_exception();
  }
  --under_way_;
  changed_.notify_all();
}

void NdjsonPublish::note(Group& group, std::vector<Result<PublishOutcome>> outcomes) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i]) {
      result_.add(group.indexes[i], *outcomes[i]);
    } else {
      result_.refuse(group.indexes[i], group.drafts[i].event->event_id, outcomes[i].error());
    }
  }
}

void NdjsonPublish::refuse_all(const Group& group, const Error& error) {
  for (std::size_t i = 0; i < group.indexes.size(); ++i) {
    result_.refuse(group.indexes[i], group.drafts[i].event->event_id, error);
  }
}

Result<void> NdjsonPublish::conclude() {
  const bool nothing = result_.accepted() == 0;
  if (nothing && failure_) std::rethrow_exception(failure_);
  if (nothing && refused_) return std::unexpected(std::move(*refused_));
  if (index_ == 0)
    return fail(ErrorCode::invalid, "The body holds no event.", {{"body", "must hold at least one event"}});
  result_.answer();
  return {};
}

asio::awaitable<Result<void>> NdjsonPublish::run() {
  auto read = co_await read_all();
  const bool spoiled = atomic_ && (!read || invalid_ > 0);
  if (spoiled) {
    refuse_all(gathering_, {ErrorCode::invalid, "Not stored: another event of this atomic batch is not valid."});
  } else if (!gathering_.drafts.empty()) {
    start(std::move(gathering_));
  }
  co_await tasks_.join();
  if (read) co_return conclude();
  call_.answer.close = true;
  if (result_.accepted() > 0) {
    read.error().detail += "; " + std::to_string(result_.accepted()) + " events before that are stored";
  }
  co_return read;
}

}  // namespace

asio::awaitable<Result<void>> publish_ndjson(Call& call, bool atomic) {
  NdjsonPublish publishing(call, atomic);
  co_return co_await publishing.run();
}

}  // namespace eventbus
