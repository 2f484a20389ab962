#include "eventbus/delivery/settlement_writer.hpp"

#include <algorithm>

#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::delivery {
namespace {

bool acknowledges(const Settlement& settlement) {
  return std::ranges::any_of(settlement.settlings,
                             [](const Settling& settling) { return settling.fate == Fate::acked; });
}

}  // namespace

asio::awaitable<void> SettlementWriter::durable() {
  if (closed_) co_return;
  auto enlist = [this](Completion<bool> done) {
    waiting_.push_back(std::move(done));
    write();
  };
  co_await suspend<bool>(enlist);
}

void SettlementWriter::write(bool always) {
  if (writing_ || closed_) return;
  if (!always && !state_.pending() && waiting_.empty()) return;
  writing_ = true;
  tasks_.spawn("queue writes", drain(lane_.shared_from_this(), always));
}

asio::awaitable<void> SettlementWriter::drain(std::shared_ptr<Lane> /*alive*/, bool always) {
  while (always || state_.pending() || !waiting_.empty()) {
    always = false;
    Settlement settlement;
    state_.compose(settlement);
    auto waiting = std::exchange(waiting_, {});
    const auto failure = co_await store(settlement);
    if (failure) {
      rest_until_ = clock_() + rest_after_failure;
      state_.abort(settlement, clock_());
    } else {
      state_.finish(settlement);
    }
    ended_(settlement, !failure);
    for (auto& done : waiting) done(failure, true);
    if (failure && waiting_.empty()) break;
  }
  writing_ = false;
}

asio::awaitable<std::exception_ptr> SettlementWriter::store(Settlement& settlement) {
  const bool acks = acknowledges(settlement);
  if (acks) crash_point("broker.before_ack_commit");
  try {
    co_await lane_.commit(settlement);
  } catch (const Unavailable& error) {
    log_warning("queue state could not be written; deliveries stay as they were and background work is tried again",
                {{"queue", std::string_view(definition_.name)}, {"error", std::string_view(error.what())}});
    co_return std::current_exception();
  }
  if (acks) crash_point("broker.after_ack_commit");
  co_return nullptr;
}

}  // namespace eventbus::delivery
