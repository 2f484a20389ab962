#include "eventbus/amqp/topology_channel.hpp"

#include <algorithm>

#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {
namespace {

void fail(TopologyRequest& request, const std::string& reason) {
  if (!request.done) return;
  auto done = std::exchange(request.done, nullptr);
  done(std::make_exception_ptr(Unavailable(request.operation, reason)), {});
}

QueueCounts counts_of(const amqp_method_t& method) {
  switch (method.id) {
    case AMQP_QUEUE_DECLARE_OK_METHOD: {
      const auto& answer = *static_cast<const amqp_queue_declare_ok_t*>(method.decoded);
      return {.name = std::string(view_of(answer.queue)),
              .ready = answer.message_count,
              .consumers = answer.consumer_count};
    }
    case AMQP_QUEUE_DELETE_OK_METHOD:
      return {.name = {}, .ready = static_cast<const amqp_queue_delete_ok_t*>(method.decoded)->message_count};
    case AMQP_QUEUE_PURGE_OK_METHOD:
      return {.name = {}, .ready = static_cast<const amqp_queue_purge_ok_t*>(method.decoded)->message_count};
    default:
      return {};
  }
}

}  // namespace

void TopologyChannel::submit(std::shared_ptr<TopologyRequest> request) {
  if (requests_.size() >= most_waiting) return fail(*request, "too many operations wait");
  requests_.push_back(std::move(request));
}

void TopologyChannel::pump() {
  if (!is_open() || under_way_ || requests_.empty()) return;
  under_way_ = true;
  expect_answer();
  requests_.front()->send(session(), number());
}

void TopologyChannel::on_method(const amqp_method_t& method) {
  if (!under_way_ || method.id != requests_.front()->answer) return;
  answered();
  finish_front(nullptr, counts_of(method));
}

void TopologyChannel::on_closed(const ServerRefusal& refusal) {
  if (!under_way_) return status().note(refusal.text);
  try {
    finish_front(nullptr, std::unexpected(as_error(refusal, requests_.front()->operation)));
  } catch (const Unavailable&) {
    finish_front(std::current_exception(), {});
  }
}

void TopologyChannel::on_lost(const std::string& reason) {
  if (under_way_) finish_front(std::make_exception_ptr(Unavailable(requests_.front()->operation, reason)), {});
}

void TopologyChannel::finish_front(std::exception_ptr problem, Result<QueueCounts> counts) {
  const auto request = std::move(requests_.front());
  requests_.pop_front();
  under_way_ = false;
  if (request->done) request->done(std::move(problem), std::move(counts));
}

void TopologyChannel::tick(Time now) {
  Channel::tick(now);
  if (now >= due()) expire(now);
}

void TopologyChannel::expire(Time now) {
  const auto reason = status().why_late();
  for (auto& request : requests_)
    if (request->deadline <= now) fail(*request, reason);
  // The answer to the front is still to come, if it was sent.
  const auto first = requests_.begin() + (under_way_ ? 1 : 0);
  requests_.erase(std::remove_if(first, requests_.end(), [](const auto& request) { return !request->done; }),
                  requests_.end());
}

Channel::Time TopologyChannel::due() const {
  auto soonest = Channel::due();
  for (const auto& request : requests_)
    if (request->done) soonest = std::min(soonest, request->deadline);
  return soonest;
}

void TopologyChannel::end(const std::string& reason) {
  for (auto& request : requests_) fail(*request, reason);
  requests_.clear();
}

}  // namespace eventbus::amqp
