#include "eventbus/amqp/link.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <exception>

#include "eventbus/amqp/tcp_connect.hpp"
#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {
namespace {

constexpr std::uint16_t publisher_number = 1;
constexpr std::uint16_t topology_number = 2;
constexpr std::uint16_t first_consumer_number = 3;
constexpr std::uint16_t last_consumer_number = 2047;
/// Then writing has its turn.
constexpr int frames_a_round = 2048;
constexpr auto closed = "the connection to RabbitMQ was closed";

void fail(Link::ConnectWaiter& waiter, const std::string& reason) {
  waiter.done(std::make_exception_ptr(Unavailable("waiting for RabbitMQ", reason)), false);
}

}  // namespace

Link::Link(asio::any_io_executor loop, ConnectionSettings settings)
    : settings_(std::move(settings)),
      status_(std::move(loop)),
      commands_(std::make_shared<CommandQueue>(most_waiting)),
      schedule_(settings_.reconnect, settings_.url.endpoints.size(), random_fraction),
      waiter_(stop_, commands_->wakeup(), [this] { return keep_house(); }),
      publisher_(publisher_number, settings_, status_),
      topology_(topology_number, settings_, status_),
      thread_([this] { run(); }) {}

Link::~Link() {
  stop_.raise();
  interrupt_.interrupt();
  thread_.join();
}

template <class Visit>
void Link::each_channel(Visit visit) {
  visit(static_cast<Channel&>(publisher_));
  visit(static_cast<Channel&>(topology_));
  for (auto& [number, consumer] : consumers_) visit(static_cast<Channel&>(*consumer));
}

void Link::run() {
  for (;;) {
    try {
      connect();
      serve();
    } catch (const Stopped&) {
      return finish();
    } catch (const NotAllowed& problem) {
      lost({.reason = problem.what(), .lasting = true});
    } catch (const Unavailable& problem) {
      lost({.reason = problem.what(), .lasting = false});
    }
  }
}

void Link::connect() {
  const auto attempt = schedule_.next();
  if (waiter_.wait(-1, 0, attempt.at) == Waiter::Outcome::stopped) throw Stopped{};
  const auto timeout = settings_.url.connection_timeout.value_or(settings_.timeout);
  const Session::Login login{.url = settings_.url,
                             .endpoint = settings_.url.endpoints[attempt.host],
                             .connection_name = settings_.name,
                             .deadline = std::chrono::steady_clock::now() + timeout};
  session_ = std::make_unique<Session>(login, waiter_, interrupt_);
  connected();
}

void Link::connected() {
  schedule_.connected(std::chrono::steady_clock::now());
  each_channel([this](Channel& channel) { channel.attach(*session_); });
  status_.logged_in();
  for (auto& waiter : std::exchange(connect_waiters_, {})) waiter->done(nullptr, true);
}

void Link::serve() {
  for (;;) {
    const bool more = read_frames();
    const auto now = std::chrono::steady_clock::now();
    tick(now);
    each_channel([](Channel& channel) { channel.pump(); });
    const short events = publisher_.waits_for_socket() ? POLLIN | POLLOUT : POLLIN;
    const auto until = more ? now : std::min(due(), now + session_->pulse());
    if (waiter_.wait_once(session_->socket(), events, until) == Waiter::Outcome::stopped) throw Stopped{};
  }
}

bool Link::read_frames() {
  amqp_frame_t frame;
  for (int count = 0; count < frames_a_round; ++count) {
    if (!session_->read(frame)) return false;
    take(frame);
    session_->release(frame);
  }
  return true;
}

void Link::take(const amqp_frame_t& frame) {
  if (frame.channel == 0) {
    if (frame.frame_type == AMQP_FRAME_METHOD) take_on_connection(frame.payload.method);
  } else if (frame.channel == publisher_number) {
    publisher_.take(frame);
  } else if (frame.channel == topology_number) {
    topology_.take(frame);
  } else if (const auto found = consumers_.find(frame.channel); found != consumers_.end()) {
    found->second->take(frame);
  }
}

void Link::take_on_connection(const amqp_method_t& method) {
  if (method.id == AMQP_CONNECTION_BLOCKED_METHOD) {
    const auto& blocked = *static_cast<const amqp_connection_blocked_t*>(method.decoded);
    status_.set(LinkState::blocked, fmt::format("the server takes no messages now: {}", view_of(blocked.reason)));
  } else if (method.id == AMQP_CONNECTION_UNBLOCKED_METHOD) {
    publisher_.unblock();
    status_.set(LinkState::connected);
  }
}

void Link::lost(const LinkFailure& failure) {
  const bool was_connected = status_.state() != LinkState::disconnected;
  status_.failed(failure);
  session_.reset();
  each_channel([&failure](Channel& channel) { channel.detach(failure.reason); });
  const auto now = std::chrono::steady_clock::now();
  was_connected ? schedule_.lost(now) : schedule_.failed(now);
  tick(now);
}

void Link::finish() {
  if (session_) {
    try {
      session_->say_goodbye();
    } catch (const Unavailable& problem) {
      status_.note(problem.what());  // The server will see the socket's end instead.
    }
  }
  status_.set(LinkState::disconnected, closed);
  session_.reset();
  commands_->close();
  each_channel([](Channel& channel) {
    channel.detach(closed);
    channel.end(closed);
  });
  for (auto& waiter : std::exchange(connect_waiters_, {})) fail(*waiter, closed);
}

Deadline Link::keep_house() {
  std::exception_ptr problem;
  for (auto& command : commands_->take_all()) {
    try {
      command(this);
    } catch (const Unavailable&) {
      problem = std::current_exception();  // Of the session; the other commands must not be forgotten.
    }
  }
  if (problem) std::rethrow_exception(problem);
  tick(std::chrono::steady_clock::now());
  if (session_ != nullptr) each_channel([](Channel& channel) { channel.pump(); });
  return due();
}

void Link::tick(Deadline now) {
  each_channel([now](Channel& channel) { channel.tick(now); });
  std::erase_if(consumers_, [](const auto& consumer) {
    if (!consumer.second->is_retired()) return false;
    consumer.second->end("the consumer was cancelled");
    return true;
  });
  std::erase_if(connect_waiters_, [this, now](auto& waiter) {
    if (waiter->deadline > now) return false;
    fail(*waiter, status_.why_late());
    return true;
  });
}

Deadline Link::due() const {
  auto soonest = std::min(publisher_.due(), topology_.due());
  for (const auto& [number, consumer] : consumers_) soonest = std::min(soonest, consumer->due());
  for (const auto& waiter : connect_waiters_) soonest = std::min(soonest, waiter->deadline);
  return soonest;
}

void Link::wait_connected(std::shared_ptr<ConnectWaiter> waiter) {
  if (status_.state() != LinkState::disconnected) return waiter->done(nullptr, true);
  if (connect_waiters_.size() >= most_waiting) return fail(*waiter, "too many operations wait");
  connect_waiters_.push_back(std::move(waiter));
}

std::uint16_t Link::free_number() const {
  auto number = first_consumer_number;
  for (const auto& [taken, consumer] : consumers_) {
    if (taken != number) break;
    ++number;
  }
  return number;
}

void Link::add_consumer(std::uint64_t key, ConsumerChannel::Settings settings, std::shared_ptr<ConsumerCalls> calls) {
  const auto number = free_number();
  if (number > last_consumer_number) {
    calls->trouble(fmt::format("consuming queue \"{}\": this connection has {} consumers already", settings.queue,
                               consumers_.size()));
    return;
  }
  auto channel = std::make_unique<ConsumerChannel>(number, settings_, status_, std::move(settings), std::move(calls),
                                                   generations_, suspects_);
  auto& added = *consumers_.emplace(number, std::move(channel)).first->second;
  consumer_numbers_[key] = number;
  if (status_.state() != LinkState::disconnected) added.attach(*session_);
}

ConsumerChannel* Link::consumer(std::uint64_t key) {
  const auto found = consumer_numbers_.find(key);
  return found == consumer_numbers_.end() ? nullptr : consumers_.at(found->second).get();
}

void Link::remove_consumer(std::uint64_t key) {
  auto* channel = consumer(key);
  if (channel == nullptr) return;
  consumer_numbers_.erase(key);
  channel->retire();
}

}  // namespace eventbus::amqp
