#include "eventbus/runtime/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <memory>

#include "eventbus/telemetry/log.hpp"

namespace eventbus {

struct TaskGroup::State {
  explicit State(asio::any_io_executor executor_of) : executor(std::move(executor_of)), ended(executor) {}
  asio::any_io_executor executor;
  Signal ended;
  std::size_t running = 0;
};

TaskGroup::TaskGroup(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}
TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
  ++state_->running;
  auto finish = [state = state_, name = std::move(name)](std::exception_ptr error) {
    --state->running;
    if (error) {
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& failure) {
        log_error("a background task ended with an error; restart the service if its work does not resume",
                  {{"task", std::string_view(name)}, {"error", std::string_view(failure.what())}});
      }
    }
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
