#include "eventbus/bus/publisher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <iterator>

#include "eventbus/runtime/crash_point.hpp"

namespace eventbus {

namespace {

/// Between as many answers other work gets its turn, so that clients' next requests reach the disk before the last
/// client is answered.
constexpr std::size_t answered_at_once = 32;
/// The store answers together what it is asked together.
constexpr std::size_t lookups_at_once = 128;

}  // namespace

/// Which of some ids the store has.
struct Publisher::Lookup {
  std::vector<std::string> ids;  ///< Not asked for yet.
  std::unordered_set<std::string> known;
  std::exception_ptr failure;
};

struct Publisher::Waiting {
  AppendRequest request;
  std::size_t drafts;
  Completion<std::vector<Appended>> done;
};

Publisher::Publisher(const asio::any_io_executor& executor, EventStore& store, Broker& broker, Committed committed,
                     MetricRegistry& metrics, PublisherSettings settings)
    : store_(store),
      broker_(broker),
      committed_(std::move(committed)),
      publish_duration_(metrics.histograms("eventbus_publish_duration_seconds",
                                           "Time from accepting a publish to its durable acknowledgement.",
                                           {"event_type"})),
      settings_(settings),
      arrived_(executor),
      groups_(executor) {}

Publisher::~Publisher() = default;

Result<void> Publisher::accepting(std::size_t drafts) const {
  if (stopping_)
    return fail(ErrorCode::draining,
                "The service is shutting down. Publish again through another instance or after the restart.");
  if (mode_ == BusMode::read_only) {
    return fail(ErrorCode::read_only,
                R"(The service is in read-only mode. An operator ends it with PUT /mode {"mode":"normal"}.)");
  }
  if (in_flight_ > 0 && in_flight_ + drafts > settings_.max_in_flight) {
    return fail(ErrorCode::too_many_requests,
                "Too many events are waiting to be stored. Publish again after Retry-After.");
  }
  return {};
}

asio::awaitable<std::vector<Appended>> Publisher::append(AppendRequest request) {
  const auto drafts = request.drafts.size();
  in_flight_ += drafts;
  auto enqueue = [this, &request, drafts](Completion<std::vector<Appended>> done) {
    waiting_.push_back(Waiting{std::move(request), drafts, std::move(done)});
    arrived_.notify_one();
  };
  co_return co_await suspend<std::vector<Appended>>(enqueue);
}

asio::awaitable<Result<PublishOutcome>> Publisher::publish(EventDraft draft) {
  const auto begun = std::chrono::steady_clock::now();
  if (auto open = accepting(1); !open) co_return std::unexpected(std::move(open.error()));
  const auto event = draft.event;
  auto admission = broker_.admit(event->exchange, event->routing_key, 1);
  if (!admission) {
    if (!co_await is_known(draft)) co_return std::unexpected(std::move(admission.error()));
    if (auto open = accepting(1); !open) co_return std::unexpected(std::move(open.error()));
  }
  AppendRequest request;
  request.drafts.push_back(std::move(draft));
  auto appended = co_await append(std::move(request));
  crash_point("publish.before_answer");
  observe(event->event_type, begun);
  co_return outcome(std::move(appended.front()));
}

asio::awaitable<Result<std::vector<Result<PublishOutcome>>>> Publisher::publish_batch(std::vector<EventDraft> drafts,
                                                                                      Places places, bool atomic) {
  const auto begun = std::chrono::steady_clock::now();
  if (auto open = accepting(drafts.size()); !open) co_return std::unexpected(std::move(open.error()));
  std::vector<Result<PublishOutcome>> outcomes(drafts.size());
  AppendRequest request{.drafts = {}, .atomic = atomic};
  std::vector<std::size_t> indexes;
  for (std::size_t index = 0; index < drafts.size(); ++index) {
    if (auto& refusal = places.refusals[index]) {
      if (atomic) co_return std::unexpected(std::move(*refusal));
      outcomes[index] = std::unexpected(std::move(*refusal));
      continue;
    }
    indexes.push_back(index);
    request.drafts.push_back(std::move(drafts[index]));
  }
  if (indexes.empty()) co_return outcomes;
  auto appended = co_await append(std::move(request));
  crash_point("publish.before_answer");
  for (std::size_t at = 0; at < indexes.size(); ++at) {
    observe(appended[at].event.event->event_type, begun);
    outcomes[indexes[at]] = outcome(std::move(appended[at]));
  }
  co_return outcomes;
}

asio::awaitable<bool> Publisher::is_known(const EventDraft& draft) {
  if (!draft.given.event_id) co_return false;
  const auto stored = co_await store_.get(draft.event->event_id);
  co_return stored.has_value();
}

/// One of those that look beside each other.
asio::awaitable<void> Publisher::look_up(std::shared_ptr<Lookup> lookup) {
  try {
    while (!lookup->ids.empty() && !lookup->failure) {
      auto id = std::move(lookup->ids.back());
      lookup->ids.pop_back();
      const auto stored = co_await store_.get(id);
      if (stored) lookup->known.insert(std::move(id));
    }
  } catch (const std::exception&) {
    lookup->failure = std::current_exception();
  }
}

bool Publisher::Places::refused() const {
  return std::ranges::any_of(refusals, [](const std::optional<Error>& refusal) { return refusal.has_value(); });
}

/// For all drafts but those whose id is `known`, or becomes known by an earlier one; null: for all.
Publisher::Places Publisher::reserve(const std::vector<EventDraft>& drafts, std::unordered_set<std::string>* known) {
  Places places;
  for (const auto& draft : drafts) {
    const auto& event = *draft.event;
    auto& refusal = places.refusals.emplace_back();
    if (known != nullptr && known->contains(event.event_id)) continue;
    auto admission = broker_.admit(event.exchange, event.routing_key, 1);
    if (!admission) {
      refusal = std::move(admission.error());
      continue;
    }
    if (*admission) places.held.push_back(std::move(*admission));
    if (known != nullptr) known->insert(event.event_id);
  }
  return places;
}

asio::awaitable<Publisher::Places> Publisher::admit(const std::vector<EventDraft>& drafts) {
  auto places = reserve(drafts, nullptr);
  if (!places.refused() || !accepting(drafts.size())) co_return places;
  const auto lookup = std::make_shared<Lookup>();
  for (const auto& draft : drafts) {
    if (draft.given.event_id) lookup->ids.push_back(draft.event->event_id);
  }
  if (lookup->ids.empty()) co_return places;
  places = {};
  TaskGroup looking(co_await asio::this_coro::executor);
  for (std::size_t n = std::min(lookup->ids.size(), lookups_at_once); n > 0; --n) {
    looking.spawn("look up repetitions", look_up(lookup));
  }
  co_await looking.join();
  if (lookup->failure) std::rethrow_exception(lookup->failure);
  co_return reserve(drafts, &lookup->known);
}

PublishOutcome Publisher::outcome(Appended appended) const {
  const bool held = appended.status == AppendStatus::stored || appended.status == AppendStatus::duplicate;
  return {appended.status, std::move(appended.event), held && settings_.published_when_stored};
}

void Publisher::observe(std::string_view event_type, std::chrono::steady_clock::time_point begun) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  publish_duration_.with({event_type}).observe(took.count());
}

asio::awaitable<void> Publisher::run() {
  while (!waiting_.empty() || !stopping_) {
    if (waiting_.empty() || storing_ == settings_.groups_in_flight) {
      co_await arrived_.wait();
    } else {
      ++storing_;
      groups_.spawn("commit a group", commit(take_group()));
    }
  }
  co_await groups_.join();
  if (failure_) std::rethrow_exception(failure_);
}

void Publisher::stop() {
  stopping_ = true;
  arrived_.notify_all();
}

std::vector<Publisher::Waiting> Publisher::take_group() {
  std::vector<Waiting> group;
  std::size_t events = 0;
  while (!waiting_.empty() && events < settings_.group_limit) {
    events += waiting_.front().drafts;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return group;
}

asio::awaitable<void> Publisher::commit(std::vector<Waiting> group) {
  std::vector<AppendRequest> requests;
  requests.reserve(group.size());
  for (auto& waiting : group) requests.push_back(std::move(waiting.request));
  std::vector<std::vector<Appended>> results(group.size());
  std::exception_ptr failure;
  try {
    results = co_await store_.append(std::move(requests));
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (!failure) hand_over(results);
  --storing_;
  arrived_.notify_one();
  for (std::size_t index = 0; index < group.size(); ++index) {
    in_flight_ -= group[index].drafts;
    group[index].done(failure, std::move(results[index]));
    if ((index + 1) % answered_at_once == 0) co_await asio::post(asio::use_awaitable);
  }
}

/// Stored is stored, whatever happens here.
void Publisher::hand_over(const std::vector<std::vector<Appended>>& results) {
  if (failure_) return;
  std::vector<StoredEvent> committed;
  for (const auto& request : results) {
    for (const auto& appended : request) {
      if (appended.status == AppendStatus::stored) committed.push_back(appended.event);
    }
  }
  try {
    committed_(committed);
  } catch (const std::exception&) {
    failure_ = std::current_exception();
    stop();
  }
}

}  // namespace eventbus
