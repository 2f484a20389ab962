#include "eventbus/amqp/consumer.hpp"

#include "eventbus/amqp/link.hpp"

namespace eventbus::amqp {
namespace {

constexpr std::string_view settling = "settling deliveries of RabbitMQ";
constexpr std::string_view over = "the connection or the consumer is closed, or too many operations wait";

std::exception_ptr consumer_over() {
  return std::make_exception_ptr(Unavailable(settling, over));
}

}  // namespace

Consumer::Consumer(std::uint64_t key, std::shared_ptr<CommandQueue> commands, std::shared_ptr<ConsumerCalls> calls)
    : key_(key), commands_(std::move(commands)), calls_(std::move(calls)) {}

Consumer::~Consumer() {
  cancel();
}

asio::awaitable<std::vector<DeliveryTag>> Consumer::settle(std::vector<DeliveryTag> tags, Settlement settlement) {
  using Unknown = std::vector<DeliveryTag>;
  auto start = [this, &tags, settlement](Completion<Unknown> done) {
    commands_->submit([key = key_, tags = std::move(tags), settlement, done = std::move(done)](Link* link) mutable {
      auto* channel = link == nullptr ? nullptr : link->consumer(key);
      if (channel == nullptr) return done(consumer_over(), {});
      try {
        done(nullptr, channel->settle(tags, settlement));
      } catch (const Unavailable&) {
        done(std::current_exception(), {});
        throw;
      }
    });
  };
  co_return co_await suspend<Unknown>(start);
}

asio::awaitable<void> Consumer::barrier(Deadline deadline) {
  auto barrier = std::make_shared<ConsumerChannel::Barrier>();
  barrier->deadline = deadline;
  auto start = [this, &barrier](Completion<bool> done) {
    barrier->done = std::move(done);
    commands_->submit([key = key_, barrier](Link* link) {
      auto* channel = link == nullptr ? nullptr : link->consumer(key);
      if (channel == nullptr) return barrier->done(consumer_over(), false);
      channel->barrier(barrier);
    });
  };
  co_await suspend<bool>(start);
}

void Consumer::set_prefetch(std::uint16_t prefetch) {
  commands_->submit_anyway([key = key_, prefetch](Link* link) {
    auto* channel = link == nullptr ? nullptr : link->consumer(key);
    if (channel != nullptr) channel->set_prefetch(prefetch);
  });
}

void Consumer::cancel() {
  calls_->silence();
  commands_->submit_anyway([key = key_](Link* link) {
    if (link != nullptr) link->remove_consumer(key);
  });
}

}  // namespace eventbus::amqp
