#include "eventbus/amqp/command_queue.hpp"

#include <limits>
#include <utility>

namespace eventbus::amqp {

bool CommandQueue::push(Command& command, std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  if (closed_ || commands_.size() >= limit) return false;
  commands_.push_back(std::move(command));
  if (commands_.size() == 1) wakeup_.raise();
  return true;
}

void CommandQueue::submit(Command command) {
  if (!push(command, limit_)) command(nullptr);
}

void CommandQueue::submit_anyway(Command command) {
  if (!push(command, std::numeric_limits<std::size_t>::max())) command(nullptr);
}

std::vector<Command> CommandQueue::take_all() {
  const std::scoped_lock lock(mutex_);
  wakeup_.clear();
  return std::exchange(commands_, {});
}

void CommandQueue::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  for (auto& command : take_all()) command(nullptr);
}

}  // namespace eventbus::amqp
