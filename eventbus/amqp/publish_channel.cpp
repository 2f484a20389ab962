#include "eventbus/amqp/publish_channel.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {
namespace {

/// Written without asking whether the socket takes more: well below the smallest send buffer that counts as writable.
constexpr std::size_t burst_bytes = std::size_t{16} << 10U;
constexpr std::size_t frame_overhead = 128;
constexpr auto broken_stream = "an earlier message of its stream was not confirmed";

bool all_confirmed(const PublishRequest& request) {
  return std::ranges::all_of(request.fates,
                             [](Fate fate) { return fate == Fate::confirmed || fate == Fate::returned; });
}

}  // namespace

void PublishChannel::submit(std::shared_ptr<PublishRequest> request) {
  if (request->stream != 0 && request->stream <= broken_stream_) return finish(*request, broken_stream);
  const bool there = status().state() != LinkState::disconnected && request->login == status().logins();
  if (request->login != 0 && !there) return finish(*request, "the connection was lost meanwhile");
  if (waiting_.size() >= most_waiting) return finish(*request, "too many calls wait");
  request->first = next_number_;
  next_number_ += request->fates.size();
  next_expiry_ = std::min(next_expiry_, request->deadline);
  waiting_.push_back(std::move(request));
}

void PublishChannel::on_open() {
  send(AMQP_CONFIRM_SELECT_METHOD, amqp_confirm_select_t{.nowait = 0});
}

bool PublishChannel::may_send() const {
  return confirming_ && !waiting_.empty() && !window_.full();
}

void PublishChannel::pump() {
  waits_for_socket_ = false;
  if (!may_send() || status().state() == LinkState::blocked) return;
  session().gather(true);
  while (may_send() && !waits_for_socket_) send_some();
  session().gather(false);
}

void PublishChannel::send_some() {
  waits_for_socket_ = !session().writable();
  for (std::size_t written = 0; !waits_for_socket_ && may_send() && written < burst_bytes;) written += send_next();
}

std::size_t PublishChannel::send_next() {
  const auto request = waiting_.front();
  const auto at = request->sent++;
  const auto& message = request->messages[at];
  const auto bytes = message.body.size() + frame_overhead;
  const auto identity = message.mandatory ? ConfirmWindow::identity_of(message.exchange, message.routing_key,
                                                                       message.properties.message_id, message.body)
                                          : 0;
  if (window_.unconfirmed() == 0) last_progress_ = std::chrono::steady_clock::now();
  window_.sent({.message = request->first + at, .identity = identity});
  request->fates[at] = Fate::unknown;
  session().publish(number(), message);
  if (request->sent == request->fates.size()) {
    request->messages = {};
    sent_.push_back(request);
    waiting_.pop_front();
  }
  return bytes;
}

void PublishChannel::on_method(const amqp_method_t& method) {
  if (method.id == AMQP_CONFIRM_SELECT_OK_METHOD) {
    confirming_ = true;
  } else if (method.id == AMQP_BASIC_ACK_METHOD) {
    const auto& ack = *static_cast<const amqp_basic_ack_t*>(method.decoded);
    window_.acked(ack.delivery_tag, ack.multiple != 0, settled_);
    healthy();
  } else if (method.id == AMQP_BASIC_NACK_METHOD) {
    const auto& nack = *static_cast<const amqp_basic_nack_t*>(method.decoded);
    window_.nacked(nack.delivery_tag, nack.multiple != 0, settled_);
  } else if (method.id == AMQP_BASIC_RETURN_METHOD) {
    const auto& returned = *static_cast<const amqp_basic_return_t*>(method.decoded);
    ReceivedMessage start;
    start.exchange = view_of(returned.exchange);
    start.routing_key = view_of(returned.routing_key);
    content_.begin(std::move(start));
  }
  settle();
}

void PublishChannel::on_content(const amqp_frame_t& frame) {
  const auto message = content_.add(frame);
  if (!message) return;
  const auto identity = ConfirmWindow::identity_of(message->exchange, message->routing_key,
                                                   message->properties.message_id, message->body);
  if (!window_.returned(identity)) status().note("the server returned a message that was not sent");
}

void PublishChannel::on_closed(const ServerRefusal& refusal) {
  status().note(fmt::format("publishing: {} {}", refusal.code, refusal.text));
  lose_in_flight();
}

void PublishChannel::on_lost(const std::string& /*reason*/) {
  lose_in_flight();
}

void PublishChannel::lose_in_flight() {
  confirming_ = false;
  waits_for_socket_ = false;
  content_.reset();
  window_.lost(settled_);
  settle();
  for (const auto& request : waiting_) broken_stream_ = std::max(broken_stream_, request->stream);
  // What follows an unknown message must not overtake it.
  if (!waiting_.empty() && waiting_.front()->sent > 0) {
    finish(*waiting_.front(), "");
    waiting_.pop_front();
  }
  drop_broken_streams();
}

/// What waits must not overtake what was lost.
void PublishChannel::drop_broken_streams() {
  Requests left;
  for (auto& request : waiting_) {
    const bool broken = request->stream != 0 && request->stream <= broken_stream_ && request->sent == 0;
    broken ? finish(*request, broken_stream) : left.push_back(std::move(request));
  }
  waiting_ = std::move(left);
}

void PublishChannel::settle() {
  if (!settled_.empty()) last_progress_ = std::chrono::steady_clock::now();
  const auto broken = broken_stream_;
  for (const auto& settled : settled_) settle(settled);
  settled_.clear();
  if (broken_stream_ != broken) drop_broken_streams();
}

void PublishChannel::settle(const ConfirmWindow::Settled& settled) {
  settle_in(sent_.empty() || settled.message > sent_.back()->first + sent_.back()->fates.size() - 1 ? waiting_ : sent_,
            settled);
}

void PublishChannel::settle_in(Requests& requests, const ConfirmWindow::Settled& settled) {
  const auto after = std::ranges::upper_bound(requests, settled.message, {}, &PublishRequest::first);
  if (after == requests.begin()) return;  // Its request is over already.
  const auto found = after - 1;
  auto& request = **found;
  const auto at = settled.message - request.first;
  if (at >= request.fates.size()) return;
  request.fates[at] = settled.fate;
  if (++request.settled < request.fates.size()) return;
  finish(request, "");
  requests.erase(found);
}

void PublishChannel::finish(PublishRequest& request, const std::string& reason) {
  if (request.stream != 0 && !all_confirmed(request)) broken_stream_ = std::max(broken_stream_, request.stream);
  if (request.sent > 0) return request.done(nullptr, std::move(request.fates));
  request.done(std::make_exception_ptr(Unavailable("publishing to RabbitMQ", reason)), {});
}

/// A blocked server may take its time.
bool PublishChannel::awaits_confirms() const {
  return window_.unconfirmed() > 0 && status().state() == LinkState::connected;
}

void PublishChannel::tick(Time now) {
  Channel::tick(now);
  if (awaits_confirms() && now >= last_progress_ + stall_limit())
    throw Unavailable("publishing to RabbitMQ", "the server is alive, but confirms nothing any more");
  if (now < next_expiry_) return;
  next_expiry_ = Time::max();
  expire(sent_, now);
  expire(waiting_, now);
  drop_broken_streams();
}

void PublishChannel::expire(Requests& requests, Time now) {
  const auto reason = status().why_late();
  const auto over = [&](const std::shared_ptr<PublishRequest>& request) {
    if (request->deadline <= now) {
      finish(*request, reason);
      return true;
    }
    next_expiry_ = std::min(next_expiry_, request->deadline);
    return false;
  };
  Requests left;
  for (auto& request : requests)
    if (!over(request)) left.push_back(std::move(request));
  requests = std::move(left);
}

Channel::Time PublishChannel::due() const {
  const auto stalled = awaits_confirms() ? last_progress_ + stall_limit() : Time::max();
  return std::min({Channel::due(), next_expiry_, stalled});
}

void PublishChannel::end(const std::string& reason) {
  for (auto* requests : {&sent_, &waiting_}) {
    for (auto& request : *requests) finish(*request, reason);
    requests->clear();
  }
}

}  // namespace eventbus::amqp
