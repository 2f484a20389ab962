#include "eventbus/sqlite/work_queue.hpp"

#include <iterator>
#include <utility>

namespace eventbus::sqlite {

bool WorkQueue::push(QueuedWork& item) {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_ || items_.size() >= limit_) return false;
    items_.push_back(std::move(item));
  }
  arrived_.notify_one();
  return true;
}

std::vector<QueuedWork> WorkQueue::pop_all() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return closed_ || !items_.empty(); });
  std::vector<QueuedWork> all(std::move_iterator(items_.begin()), std::move_iterator(items_.end()));
  items_.clear();
  return all;
}

std::optional<QueuedWork> WorkQueue::pop() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return closed_ || !items_.empty(); });
  if (items_.empty()) return std::nullopt;
  std::optional<QueuedWork> item(std::move(items_.front()));
  items_.pop_front();
  return item;
}

void WorkQueue::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_all();
}

}  // namespace eventbus::sqlite
