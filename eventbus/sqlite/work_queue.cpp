#include "eventbus/sqlite/work_queue.hpp"

#include <utility>

namespace eventbus::sqlite {

bool WorkQueue::push(QueuedWork& item) {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_ || items_.size() - front_ >= limit_) return false;
    items_.push_back(std::move(item));
  }
  arrived_.notify_one();
  return true;
}

std::vector<QueuedWork> WorkQueue::pop_all() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return closed_ || !items_.empty(); });
  return std::exchange(items_, {});
}

std::optional<QueuedWork> WorkQueue::pop() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return closed_ || front_ < items_.size(); });
  if (front_ == items_.size()) return std::nullopt;
  std::optional<QueuedWork> item(std::move(items_[front_++]));
  if (front_ == items_.size()) {
    items_.clear();
    front_ = 0;
  }
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
