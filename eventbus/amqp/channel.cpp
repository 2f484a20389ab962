#include "eventbus/amqp/channel.hpp"

#include <algorithm>

#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {

namespace {

constexpr std::chrono::milliseconds longest_pause{5000};

}  // namespace

Channel::Channel(std::uint16_t number, const ConnectionSettings& settings, LinkStatus& status)
    : number_(number), policy_(settings.reconnect), stall_limit_(settings.stall_limit), status_(status) {
  policy_.max_delay = std::min(policy_.max_delay, longest_pause);
}

void Channel::attach(Session& session) {
  session_ = &session;
  reopen_at_ = rests_until();
  if (std::chrono::steady_clock::now() >= reopen_at_) open();
}

void Channel::detach(const std::string& reason) {
  session_ = nullptr;
  state_ = State::waiting;
  owed_ = 0;
  on_lost(reason);
}

void Channel::open() {
  state_ = State::opening;
  expect_answer();
  send(AMQP_CHANNEL_OPEN_METHOD, amqp_channel_open_t{.out_of_band = amqp_empty_bytes});
}

void Channel::take(const amqp_frame_t& frame) {
  if (frame.frame_type == AMQP_FRAME_METHOD) {
    take_method(frame.payload.method);
  } else if (is_open()) {
    on_content(frame);
  }
}

void Channel::take_method(const amqp_method_t& method) {
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD)
    return closed_by_server(*static_cast<const amqp_channel_close_t*>(method.decoded));
  if (method.id == AMQP_CHANNEL_OPEN_OK_METHOD && state_ == State::opening) {
    state_ = State::open;
    answered();
    on_open();
  } else if (method.id == AMQP_CHANNEL_CLOSE_OK_METHOD && state_ == State::closing) {
    reopen_later();
  } else if (is_open()) {
    on_method(method);
  }
}

void Channel::closed_by_server(const amqp_channel_close_t& close) {
  const auto refusal = refusal_of(close);
  send(AMQP_CHANNEL_CLOSE_OK_METHOD, amqp_channel_close_ok_t{});
  const bool was_open = is_open();
  reopen_later();
  if (was_open) on_closed(refusal);
}

void Channel::reopen_later() {
  state_ = State::waiting;
  owed_ = 0;
  const auto pause = failures_ == 0 ? std::chrono::milliseconds{0} : policy_.wait(failures_, random_fraction());
  reopen_at_ = std::chrono::steady_clock::now() + pause;
  ++failures_;
}

void Channel::close_and_reopen() {
  state_ = State::closing;
  expect_answer();
  send(AMQP_CHANNEL_CLOSE_METHOD,
       amqp_channel_close_t{
           .reply_code = AMQP_REPLY_SUCCESS, .reply_text = amqp_empty_bytes, .class_id = 0, .method_id = 0});
}

void Channel::retire() {
  retiring_ = true;
  if (state_ == State::opening || state_ == State::open) close_and_reopen();
}

void Channel::expect_answer() {
  if (owed_++ == 0) last_answer_ = std::chrono::steady_clock::now();
}

void Channel::answered() {
  --owed_;
  last_answer_ = std::chrono::steady_clock::now();
}

void Channel::tick(Time now) {
  if (status_.state() == LinkState::blocked) last_answer_ = now;  // the server does not read
  if (owed_ > 0 && now >= last_answer_ + stall_limit_)
    throw Unavailable("using RabbitMQ", "the server is alive, but a channel of it answers nothing any more");
  if (session_ != nullptr && state_ == State::waiting && !retiring_ && now >= reopen_at_) open();
}

Channel::Time Channel::due() const {
  if (owed_ > 0) return last_answer_ + stall_limit_;
  return session_ != nullptr && state_ == State::waiting && !retiring_ ? reopen_at_ : Time::max();
}

}  // namespace eventbus::amqp
