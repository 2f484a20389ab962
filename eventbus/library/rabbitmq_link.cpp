#include "eventbus/library/rabbitmq_link.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "eventbus/broker/rabbitmq/names.hpp"

namespace eventbus {
namespace {

constexpr std::chrono::milliseconds longest_retry_delay{30'000};
constexpr std::size_t max_body_bytes = std::size_t{64} << 20U;

amqp::Deadline call_deadline() {
  return std::chrono::steady_clock::now() + RabbitMqLink::timeout;
}

}  // namespace

/// Keeps the connections while it lasts.
class RabbitMqLink::Operation {
 public:
  explicit Operation(RabbitMqLink& link) : link_(link) {
    if (!link.topology_ || link.closing_) throw Unavailable("using RabbitMQ", "not connected: call connect first");
    ++link_.operations_;
  }
  ~Operation() {
    --link_.operations_;
    link_.changed_.notify_all();
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

 private:
  RabbitMqLink& link_;
};

RabbitMqLink::RabbitMqLink(std::string address, std::uint32_t max_retries, std::chrono::milliseconds retry_delay)
    : address_(std::move(address)), max_retries_(max_retries), retry_delay_(retry_delay) {}

RabbitMqLink::~RabbitMqLink() {
  loop.wait(disconnect());
  loop.call([] {});  // what the connections had to tell is told
}

std::string RabbitMqLink::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

asio::awaitable<Result<void>> RabbitMqLink::connect() {
  if (closing_) co_return fail(ErrorCode::unavailable, "disconnecting; connect again when it is over");
  for (auto* line : {&publishing_, &consuming_}) {
    line->failures = 0;
    line->given_up.reset();
  }
  if (!topology_) {
    const auto url = amqp::AmqpUrl::parse(address_);
    if (!url) co_return std::unexpected(url.error());
    open(*url);
  }
  while (!connected_) {
    if (!topology_ || closing_) co_return fail(ErrorCode::unavailable, "disconnected while connecting");
    if (auto error = publishing_.given_up ? publishing_.given_up : consuming_.given_up) {
      co_await disconnect();
      co_return std::unexpected(std::move(*error));
    }
    co_await changed_.wait();
  }
  co_return Result<void>{};
}

void RabbitMqLink::open(const amqp::AmqpUrl& url) {
  amqp::ConnectionSettings settings;
  settings.url = url;
  settings.reconnect = {.delay = retry_delay_, .max_delay = std::max(retry_delay_, longest_retry_delay)};
  settings.max_body_bytes = max_body_bytes;
  settings.name = "eventbus library, publishing";
  open(publishing_, settings);
  settings.name = "eventbus library, consuming";
  open(consuming_, settings);
  guard_.emplace("rabbitmq");
  topology_.emplace(*publishing_.connection, *guard_, changed_, timeout);
}

void RabbitMqLink::open(Line& line, const amqp::ConnectionSettings& settings) {
  line.connection = std::make_unique<amqp::Connection>(loop.executor(), settings);
  line.connection->on_change([this](amqp::LinkState) { look(); });
  line.connection->on_failure([this, &line](const amqp::LinkFailure& failure) { failed(line, failure); });
}

void RabbitMqLink::failed(Line& line, const amqp::LinkFailure& failure) {
  ++line.failures;
  guard_->failed_by_itself(failure.reason);
  {
    const std::lock_guard lock(mutex_);
    trouble_ = failure.reason;
  }
  if (failure.lasting) {
    line.given_up = Error{ErrorCode::unavailable, failure.reason, {}};
  } else if (line.failures == max_retries_ + 1) {
    line.given_up =
        Error{ErrorCode::unavailable, failure.reason + " (tried " + std::to_string(line.failures) + " times)", {}};
  }
  look();
}

void RabbitMqLink::look() {
  const auto up = [](Line& line) {
    if (!line.connection || line.connection->state() == amqp::LinkState::disconnected) return false;
    line.failures = 0;
    line.given_up.reset();
    return true;
  };
  const bool publishing = up(publishing_);
  const bool consuming = up(consuming_);
  if (publishing && consuming && !connected_) {
    guard_->succeeded();
    if (topology_) topology_->forget();  // the server may have lost what was made
  }
  connected_ = publishing && consuming;
  changed_.notify_all();
}

asio::awaitable<void> RabbitMqLink::disconnect() {
  closing_ = true;
  while (operations_ > 0) co_await changed_.wait();
  topology_.reset();
  publishing_ = {};
  consuming_ = {};
  connected_ = false;
  closing_ = false;
  changed_.notify_all();
}

asio::awaitable<Result<std::vector<amqp::Fate>>> RabbitMqLink::publish(std::vector<amqp::Message> messages) {
  const Operation operation(*this);
  std::set<std::string> exchanges;
  for (const auto& message : messages) exchanges.insert(message.exchange);
  for (const auto& exchange : exchanges) co_await topology_->ensure_exchange(exchange);
  auto fates = co_await publishing_.connection->publish(std::move(messages), call_deadline());
  const bool broken = fates && std::ranges::count(*fates, amqp::Fate::unknown) > 0;
  if (broken) topology_->forget();  // an exchange may be gone
  co_return fates;
}

asio::awaitable<void> RabbitMqLink::publish_to_queue(amqp::Message message) {
  const Operation operation(*this);
  const auto queue = message.routing_key;
  std::vector<amqp::Message> messages;
  messages.push_back(std::move(message));
  const auto fates = co_await publishing_.connection->publish(std::move(messages), call_deadline());
  if (!fates) throw Unavailable("publishing to queue '" + queue + "'", fates.error().detail);
  if (fates->front() == amqp::Fate::confirmed) co_return;
  topology_->forget();
  throw Unavailable("publishing to queue '" + queue + "'", "RabbitMQ did not confirm it");
}

asio::awaitable<std::string> RabbitMqLink::ensure_retry_queue(std::string queue, std::chrono::milliseconds delay) {
  const Operation operation(*this);
  co_return co_await topology_->ensure_retry_queue(std::move(queue), rabbitmq::jittered_step(delay));
}

asio::awaitable<Result<void>> RabbitMqLink::declare_queue(QueueDefinition definition) {
  const Operation operation(*this);
  auto fit = co_await topology_->ensure_exchanges(definition.bindings);
  if (!fit) co_return fit;
  co_await topology_->ensure_queue(definition);
  co_await topology_->bind(definition.name, definition.bindings);
  co_return fit;
}

asio::awaitable<Result<void>> RabbitMqLink::prepare_consuming(std::string queue) {
  const Operation operation(*this);
  const auto there = co_await publishing_.connection->inspect_queue(queue, call_deadline());
  if (!there) co_return std::unexpected(there.error());
  const auto resting =
      co_await publishing_.connection->inspect_queue(rabbitmq::dead_letter_queue(queue), call_deadline());
  if (!resting) co_await topology_->ensure_dead_letter_queue(std::move(queue));
  co_return Result<void>{};
}

std::shared_ptr<amqp::Consumer> RabbitMqLink::consume(std::string queue, std::uint16_t prefetch,
                                                      amqp::ConsumerHandler handler) {
  const Operation operation(*this);
  return consuming_.connection->consume(std::move(queue), prefetch, std::move(handler));
}

}  // namespace eventbus
