#include "eventbus/library/circuit_breaker.hpp"

#include <mutex>

#include "eventbus/core/retry_policy.hpp"
#include "eventbus/runtime/circuit_breaker.hpp"

namespace eventbus::api {
namespace {

CircuitBreakerSettings inner(const CircuitBreaker::Settings& settings) {
  return {.failure_threshold = settings.failure_threshold,
          .cool_down = {.delay = settings.cool_down, .max_delay = settings.longest_cool_down}};
}

}  // namespace

struct CircuitBreaker::Impl {
  Impl(std::string name, const Settings& settings) : breaker(std::move(name), inner(settings)) {}
  mutable std::mutex mutex;
  eventbus::CircuitBreaker breaker;
};

CircuitBreaker::CircuitBreaker(std::string name, Settings settings)
    : impl_(std::make_unique<Impl>(std::move(name), settings)) {}
CircuitBreaker::~CircuitBreaker() = default;

bool CircuitBreaker::allow() {
  const std::lock_guard lock(impl_->mutex);
  return impl_->breaker.allow(std::chrono::steady_clock::now());
}

void CircuitBreaker::succeeded() {
  const std::lock_guard lock(impl_->mutex);
  impl_->breaker.succeeded();
}

void CircuitBreaker::failed() {
  const std::lock_guard lock(impl_->mutex);
  impl_->breaker.failed(std::chrono::steady_clock::now(), random_fraction());
}

void CircuitBreaker::open() {
  const std::lock_guard lock(impl_->mutex);
  impl_->breaker.open();
}

void CircuitBreaker::close() {
  const std::lock_guard lock(impl_->mutex);
  impl_->breaker.close();
}

void CircuitBreaker::reset() {
  const std::lock_guard lock(impl_->mutex);
  impl_->breaker.reset();
}

CircuitBreaker::State CircuitBreaker::state() const {
  const std::lock_guard lock(impl_->mutex);
  switch (impl_->breaker.state()) {
    case eventbus::CircuitBreaker::State::closed:
      return State::closed;
    case eventbus::CircuitBreaker::State::open:
      return State::open;
    case eventbus::CircuitBreaker::State::half_open:
      break;
  }
  return State::half_open;
}

std::uint32_t CircuitBreaker::failures() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->breaker.failures();
}

Error CircuitBreaker::refusal() const {
  const std::lock_guard lock(impl_->mutex);
  const auto& breaker = impl_->breaker;
  return {ErrorCode::unavailable,
          breaker.name() + ": the circuit breaker is open after " + std::to_string(breaker.failures()) +
              " failures in a row; try again later",
          {}};
}

}  // namespace eventbus::api
