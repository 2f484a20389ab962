// How much of a queue this instance fetches ahead, and when it makes way for others.
#include <algorithm>

#include "eventbus/broker/rabbitmq/broker_parts.hpp"

namespace eventbus {

using rabbitmq::LiveQueue;
using rabbitmq::LiveQueuePtr;
using SteadyClock = std::chrono::steady_clock;

namespace {

// Somebody who asks again and again may think in between.
constexpr std::chrono::milliseconds making_way{250};
// A hand-over moves all that is here. RabbitMQ's channel may keep acknowledgements back for a while, and forget them
// when it is closed.
constexpr std::chrono::seconds handing_over{1};

bool waits_elsewhere(const LiveQueue& queue) {
  return queue.others.consumers > 0 && queue.unasked_for(handing_over);
}

}  // namespace

/// 0: what comes is for others. An ordered queue has one consumer at a time, always with the same prefetch: who takes
/// fewer than went back to RabbitMQ before gets the rest behind those that he returns.
std::uint16_t RabbitMqBroker::Parts::wanted_prefetch(LiveQueue& queue) const {
  if (queue.record.definition.ordered) return waits_elsewhere(queue) ? 0 : settings.ordered_prefetch;
  if (queue.unasked_for(making_way)) {
    const bool rests = queue.consumer && queue.demanded == 0;
    const bool others_miss_it = queue.counts.ready == 0 || queue.demanded == 0 || queue.unasked_for(settings.idle);
    if (queue.others.asked > 0 && others_miss_it) return 0;
    if (rests && !queue.gives_up_by_itself()) return 0;
  }
  return queue.demand.wanted(SteadyClock::now());
}

/// Where nobody asks any more, what waits goes to those who are asked elsewhere; an ordered queue as a whole.
void RabbitMqBroker::Parts::follow_demand(const LiveQueuePtr& queue) {
  if (!queue->consumer) return;
  const auto wanted = wanted_prefetch(*queue);
  if (queue->record.definition.ordered) {
    const bool settled = SteadyClock::now() - queue->last_settled > handing_over;
    if (wanted == 0 && settled && queue->buffer.in_flight() == 0) stop_consuming(*queue);
    return;
  }
  // What is leased counts, too; but a prefetch is not lowered for it, since what is settled makes room again.
  const std::size_t most = settings.prefetch - std::min<std::size_t>(settings.prefetch, queue->buffer.in_flight());
  const auto granted = static_cast<std::uint16_t>(std::min<std::size_t>(wanted, most));
  const bool used_up = queue->receivers > 0 && queue->is_used_up();
  if (wanted < queue->demanded || (wanted == 0 && queue->buffer.waiting() > 0)) {
    // Nobody is to get what goes back before those behind it.
    queue->consumer->set_prefetch(0);
    return_waiting(*queue, granted);
  } else if (granted == 0 || (wanted == queue->demanded && !used_up)) {
    return;
  }
  queue->consumer->set_prefetch(granted);
  queue->demanded = wanted;
  queue->prefetch = granted;
  queue->prefetched_after = last_serial;
}

void RabbitMqBroker::Parts::return_waiting(LiveQueue& queue, std::size_t kept) {
  auto tags = queue.buffer.take_waiting(kept);
  if (tags.empty()) return;
  ++queue.moves;
  settle_unread(queue, std::move(tags), amqp::Settlement::requeue);
}

}  // namespace eventbus
