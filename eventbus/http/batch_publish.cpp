#include "eventbus/http/batch_publish.hpp"

#include <utility>

namespace eventbus {
namespace {

constexpr std::size_t group_events = 1000;
constexpr std::size_t group_bytes = std::size_t{4} << 20U;
constexpr std::size_t groups_under_way = 2;

}  // namespace

BatchPublish::BatchPublish(Call& call, BatchResult::Detail detail, bool atomic)
    : call_(call),
      result_(call, detail),
      changed_(call.connection.executor()),
      tasks_(call.connection.executor()),
      atomic_(atomic) {}

void BatchPublish::take(const BatchItem& item, EventDraft draft, std::size_t bytes) {
  gathered_.items.push_back(item);
  gathered_.drafts.push_back(std::move(draft));
  gathered_.bytes += bytes;
}

bool BatchPublish::full() const {
  return !atomic_ && (gathered_.drafts.size() >= group_events || gathered_.bytes >= group_bytes);
}

asio::awaitable<void> BatchPublish::publish() {
  while (under_way_ >= groups_under_way) co_await changed_.wait();
  auto group = std::make_shared<const Group>(std::exchange(gathered_, {}));
  try {
    auto places = co_await call_.services.bus.publisher.admit(group->drafts);
    ++under_way_;
    tasks_.spawn("batch group", run(std::move(group), std::move(places)));
  } catch (const std::exception& failure) {
    fail(*group, failure);
  }
}

asio::awaitable<void> BatchPublish::finish(bool complete) {
  if (atomic_ && (!complete || result_.failed() > 0)) {
    refuse(gathered_, {ErrorCode::invalid, "Not stored: another event of this atomic batch is not valid."});
  } else if (!gathered_.drafts.empty()) {
    co_await publish();
  }
  co_await tasks_.join();
}

asio::awaitable<void> BatchPublish::run(std::shared_ptr<const Group> group, Publisher::Places places) {
  try {
    const auto outcomes =
        co_await call_.services.bus.publisher.publish_batch(group->drafts, std::move(places), atomic_);
    if (outcomes) {
      note(*group, *outcomes);
    } else {
      refuse(*group, outcomes.error());
    }
  } catch (const std::exception& failure) {
    fail(*group, failure);
  }
  --under_way_;
  changed_.notify_all();
}

void BatchPublish::note(const Group& group, const std::vector<Result<PublishOutcome>>& outcomes) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i]) {
      result_.add(group.items[i], *outcomes[i]);
    } else {
      result_.refuse(group.items[i], group.drafts[i].event->event_id, outcomes[i].error());
    }
  }
}

void BatchPublish::fail(const Group& group, const std::exception& failure) {
  if (const auto* unavailable = dynamic_cast<const Unavailable*>(&failure))
    result_.retry_after(unavailable->retry_after());
  refuse(group, call_.failed(failure));
}

void BatchPublish::refuse(const Group& group, const Error& error) {
  for (std::size_t i = 0; i < group.items.size(); ++i) {
    result_.refuse(group.items[i], group.drafts[i].event->event_id, error);
  }
}

}  // namespace eventbus
