#include "eventbus/bus/ingest.hpp"

#include <algorithm>
#include <utility>

#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes longest_wait{1};
constexpr std::size_t longest_reason = 1000;

/// What a person who looks at the refused message needs to know.
std::string reason_of(const Error& error) {
  std::string reason(describe(error.code).name);
  reason += ": " + error.detail;
  for (const auto& [field, message] : error.fields) reason += " " + field + " " + message + ";";
  if (reason.size() <= longest_reason) return reason;
  auto end = longest_reason;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0U) == 0x80U) --end;  // no half character
  return reason.substr(0, end);
}

/// Whether the same offer may be stored later.
bool passes(ErrorCode code) {
  return code == ErrorCode::queue_full || code == ErrorCode::too_many_requests || code == ErrorCode::read_only ||
         code == ErrorCode::draining || code == ErrorCode::unavailable;
}

}  // namespace

Ingest::Ingest(const asio::any_io_executor& executor, EventSource& source, Publisher& publisher,
               MetricRegistry& metrics, IngestSettings settings)
    : source_(source),
      publisher_(publisher),
      ingested_(metrics.counters("eventbus_events_ingested_total", "Messages of ingest queues by what became of them.",
                                 {"queue", "outcome"})),
      settings_(std::move(settings)),
      stop_asked_(executor) {}

void Ingest::stop() {
  stopping_ = true;
  source_.stop();
  stop_asked_.notify_all();
}

asio::awaitable<void> Ingest::run() {
  while (!stopping_) {
    try {
      co_await turn();
    } catch (const Unavailable& error) {
      trouble_ = error.what();
    }
    if (trouble_.empty()) {
      failures_ = 0;
      continue;
    }
    log_warning("events wait in an ingest queue; storing them is tried again",
                {{"queue", std::string_view(source_.name())}, {"error", std::string_view(trouble_)}});
    trouble_.clear();
    const auto wait = settings_.retry.wait(++failures_, settings_.random());
    if (!stopping_) co_await stop_asked_.wait_until(Clock::now() + std::max(wait, settings_.retry.delay));
  }
  source_.close();
}

asio::awaitable<void> Ingest::turn() {
  co_await settle();
  if (offers_.empty()) offers_ = co_await source_.receive(settings_.batch, Clock::now() + longest_wait);
  if (offers_.empty()) co_return;
  co_await store();
  crash_point("ingest.before_accept");
  co_await settle();
}

/// What is stored or refused leaves `offers_`.
asio::awaitable<void> Ingest::store() {
  std::vector<EventDraft> drafts;
  for (const auto& offer : offers_) {
    if (offer.draft) drafts.push_back(*offer.draft);
  }
  std::vector<Result<PublishOutcome>> outcomes;
  if (!drafts.empty()) {
    auto places = co_await publisher_.admit(drafts);
    auto published = co_await publisher_.publish_batch(std::move(drafts), std::move(places), false);
    if (!published) {
      trouble_ = published.error().detail;
      co_return;
    }
    outcomes = std::move(*published);
  }
  std::vector<OfferedEvent> left;
  auto outcome = outcomes.begin();
  for (auto& offer : std::exchange(offers_, {})) {
    if (!offer.draft) {
      refuse(offer.number, offer.draft.error());
    } else if (!judge(offer.number, *outcome++)) {
      left.push_back(std::move(offer));
    }
  }
  offers_ = std::move(left);
}

/// False when it has to be tried again.
bool Ingest::judge(std::uint64_t number, const Result<PublishOutcome>& outcome) {
  if (!outcome && passes(outcome.error().code)) {
    trouble_ = outcome.error().detail;
    return false;
  }
  if (!outcome) {
    refuse(number, outcome.error());
  } else if (outcome->status == AppendStatus::stored || outcome->status == AppendStatus::duplicate) {
    accepted_.push_back(number);
    count(outcome->status == AppendStatus::stored ? "stored" : "duplicate");
  } else {
    refuse(number, {ErrorCode::conflict, "The event_id is taken by an event with different content."});
  }
  return true;
}

void Ingest::refuse(std::uint64_t number, const Error& error) {
  auto reason = reason_of(error);
  log_warning("a message can't become an event and goes to the dead letters of its queue",
              {{"queue", std::string_view(source_.name())}, {"reason", std::string_view(reason)}});
  refused_.push_back({number, std::move(reason)});
  count("refused");
}

/// Tells the source what was decided, also what it could not be told before.
asio::awaitable<void> Ingest::settle() {
  if (!accepted_.empty()) co_await source_.accept(accepted_);
  accepted_.clear();
  if (!refused_.empty()) co_await source_.refuse(refused_);
  refused_.clear();
}

void Ingest::count(std::string_view outcome) {
  ingested_.with({source_.name(), outcome}).add();
}

}  // namespace eventbus
