#include "eventbus/amqp/consumer_calls.hpp"

#include <boost/asio/post.hpp>

namespace eventbus::amqp {

void ConsumerCalls::messages(std::vector<ReceivedMessage> batch) {
  asio::post(loop_, [self = shared_from_this(), batch = std::move(batch)]() mutable {
    if (!self->silent_ && self->handler_.on_messages) self->handler_.on_messages(std::move(batch));
  });
}

void ConsumerCalls::lost() {
  asio::post(loop_, [self = shared_from_this()] {
    if (!self->silent_ && self->handler_.on_lost) self->handler_.on_lost();
  });
}

void ConsumerCalls::trouble(std::string text) {
  asio::post(loop_, [self = shared_from_this(), text = std::move(text)]() mutable {
    if (!self->silent_ && self->handler_.on_trouble) self->handler_.on_trouble(std::move(text));
  });
}

}  // namespace eventbus::amqp
