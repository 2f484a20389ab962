#include "eventbus/amqp/link_status.hpp"

#include <boost/asio/post.hpp>

namespace eventbus::amqp {

LinkState LinkStatus::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

std::string LinkStatus::trouble() const {
  const std::scoped_lock lock(mutex_);
  return trouble_;
}

std::string LinkStatus::why_late() const {
  const std::scoped_lock lock(mutex_);
  if (state_ == LinkState::connected) return "no answer in time";
  return trouble_.empty() ? "not connected yet" : trouble_;
}

void LinkStatus::on_change(std::function<void(LinkState)> listener) {
  const std::scoped_lock lock(mutex_);
  listeners_.push_back(std::move(listener));
}

void LinkStatus::on_failure(std::function<void(LinkFailure)> listener) {
  const std::scoped_lock lock(mutex_);
  failure_listeners_.push_back(std::move(listener));
}

void LinkStatus::logged_in() {
  ++logins_;
  set(LinkState::connected);
}

void LinkStatus::note(std::string trouble) {
  const std::scoped_lock lock(mutex_);
  trouble_ = std::move(trouble);
}

void LinkStatus::set(LinkState state, std::string trouble) {
  note(std::move(trouble));
  set(state);
}

void LinkStatus::failed(const LinkFailure& failure) {
  set(LinkState::disconnected, failure.reason);
  const std::scoped_lock lock(mutex_);
  for (const auto& listener : failure_listeners_) asio::post(loop_, [listener, failure] { listener(failure); });
}

void LinkStatus::set(LinkState state) {
  const std::scoped_lock lock(mutex_);
  if (state_ != state) notify(state);
  state_ = state;
}

void LinkStatus::notify(LinkState state) {
  for (const auto& listener : listeners_) asio::post(loop_, [listener, state] { listener(state); });
}

}  // namespace eventbus::amqp
