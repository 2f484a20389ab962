#include "eventbus/runtime/dependency_guard.hpp"

#include <algorithm>

#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

using State = CircuitBreaker::State;

// Nobody knows when an operator lets go of it.
constexpr std::chrono::seconds while_held_open{5};

}  // namespace

DependencyGuard::DependencyGuard(std::string name, CircuitBreakerSettings settings, Clock clock)
    : breaker_(std::move(name), settings), clock_(std::move(clock)) {}

LogLevel level_of(const Unavailable& error, TroubleLog& troubles) {
  const bool refused = dynamic_cast<const BreakerOpen*>(&error) != nullptr;
  return refused ? LogLevel::debug : troubles.level(error.what());
}

DependencyGuard::Call::Call(DependencyGuard& guard) : guard_(guard) {
  if (!guard_.breaker_.allow(guard_.clock_())) throw guard_.refusal();
  probe_ = guard_.breaker_.state() == State::half_open;
}

DependencyGuard::Call::~Call() {
  if (probe_) guard_.breaker_.abandoned();
}

void DependencyGuard::Call::succeeded() {
  probe_ = false;
  guard_.succeeded();
}

void DependencyGuard::Call::failed(std::string_view reason) {
  probe_ = false;
  guard_.failed(reason);
}

bool DependencyGuard::would_allow() const {
  const auto next = breaker_.next_probe();
  return closed() || (next && clock_() >= *next);
}

void DependencyGuard::check() const {
  if (!would_allow()) throw refusal();
}

void DependencyGuard::succeeded() {
  const auto before = breaker_.state();
  breaker_.succeeded();
  tell(before);
}

void DependencyGuard::failed(std::string_view reason) {
  const auto before = breaker_.state();
  last_failure_ = reason;
  breaker_.failed(clock_(), std::uniform_real_distribution<double>(0, 1)(random_));
  tell(before);
}

void DependencyGuard::failed_by_itself(std::string_view reason) {
  if (closed() || breaker_.allow(clock_())) failed(reason);
}

void DependencyGuard::open() {
  breaker_.open();
  log_warning("a circuit breaker is held open by hand: calls are refused until it is closed by hand",
              {{"breaker", std::string_view(breaker_.name())}});
}

void DependencyGuard::close() {
  breaker_.close();
  log_info("a circuit breaker was closed by hand", {{"breaker", std::string_view(breaker_.name())}});
}

void DependencyGuard::reset() {
  breaker_.reset();
  log_info("a circuit breaker was reset by hand", {{"breaker", std::string_view(breaker_.name())}});
}

std::optional<Timestamp> DependencyGuard::next_probe_at() const {
  const auto next = breaker_.next_probe();
  if (!next) return std::nullopt;
  return now() + std::chrono::duration_cast<std::chrono::microseconds>(*next - clock_());
}

BreakerOpen DependencyGuard::refusal() const {
  if (breaker_.held_open()) {
    const auto remedy = "an operator holds its circuit breaker open. POST /breakers/" + breaker_.name() +
                        "/close (eventbus breakers close " + breaker_.name() + ") lets calls through again";
    BreakerOpen refused{breaker_.name(), remedy, while_held_open};
    refused.tell_client(refused.what());
    return refused;
  }
  const auto wait = breaker_.next_probe().value_or(clock_()) - clock_();
  const std::string state =
      "its circuit breaker is open and refuses calls until a probe succeeds; it probes by itself. ";
  BreakerOpen refused{breaker_.name(), state + "It opened because of: " + last_failure_,
                      std::max(std::chrono::seconds{1}, std::chrono::ceil<std::chrono::seconds>(wait))};
  refused.tell_client(breaker_.name() + ": " + state + "The service's log tells why.");
  return refused;
}

/// The failure itself has its own line, by whoever saw it first.
void DependencyGuard::tell(State before) {
  const auto after = breaker_.state();
  if (before == State::closed && after == State::open) {
    log_warning("a circuit breaker opens: calls fail at once until a probe succeeds",
                {{"breaker", std::string_view(breaker_.name())}, {"failures", std::int64_t{breaker_.failures()}}});
  } else if (before != State::closed && after == State::closed) {
    log_info("a circuit breaker closes: calls go through again", {{"breaker", std::string_view(breaker_.name())}});
  }
}

}  // namespace eventbus
