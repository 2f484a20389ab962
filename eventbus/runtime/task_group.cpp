#include "eventbus/runtime/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace eventbus {
namespace {

TaskFailed failure_of(const std::string& task, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& fault) {
    return TaskFailed(task + ": " + fault.what());
  } catch (...) {
    return TaskFailed(task + ": something that is no std::exception was thrown");
  }
}

}  // namespace

struct TaskGroup::State {
  State(asio::any_io_executor executor_of, OnFailure on_failure_of)
      : executor(std::move(executor_of)), ended(executor), on_failure(std::move(on_failure_of)) {}

  asio::any_io_executor executor;
  Signal ended;
  OnFailure on_failure;
  std::size_t running = 0;
};

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : TaskGroup(executor, [executor](const TaskFailed& failure) {
        asio::post(executor, [failure] { throw failure; });  // from the loop itself, not from a coroutine's end
      }) {}

TaskGroup::TaskGroup(asio::any_io_executor executor, OnFailure on_failure)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_failure))) {}

TaskGroup::~TaskGroup() {
  state_->on_failure = nullptr;
}

void TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
  ++state_->running;
  auto finish = [state = state_, name = std::move(name)](std::exception_ptr error) {
    --state->running;
    if (error && state->on_failure) state->on_failure(failure_of(name, error));
    state->ended.notify_all();
  };
  asio::co_spawn(state_->executor, std::move(task), std::move(finish));
}

asio::awaitable<bool> TaskGroup::join_until(std::chrono::steady_clock::time_point deadline) {
  auto state = state_;
  while (state->running > 0) {
    if (!co_await state->ended.wait_until(deadline)) co_return state->running == 0;
  }
  co_return true;
}

asio::awaitable<void> TaskGroup::join() {
  co_await join_until(std::chrono::steady_clock::time_point::max());
}

std::size_t TaskGroup::size() const {
  return state_->running;
}

}  // namespace eventbus
