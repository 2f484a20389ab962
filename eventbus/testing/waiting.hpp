#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>

namespace eventbus {

/// Of a test for anything that comes by itself, on a machine that does other things as well.
constexpr std::chrono::seconds test_patience{120};

/// For tests: a wait with a deadline.
class Wait {
 public:
  explicit Wait(std::string what, std::chrono::milliseconds patience = test_patience)
      : what_(std::move(what)), patience_(patience) {}

  /// Throws std::runtime_error that says what was waited for, once patience is over. To be called in every turn.
  void go_on() const;
  /// What is left of it, at least 0.
  std::chrono::milliseconds left() const;

 private:
  std::string what_;
  std::chrono::milliseconds patience_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

/// Asks until the condition holds. The condition brings it about or looks at other threads' work; between two looks is
/// a millisecond. Throws as Wait does.
void wait_until(const std::string& what, const std::function<bool()>& condition,
                std::chrono::milliseconds patience = test_patience);

/// Runs the loop until the condition holds, which may run the loop as well. Throws as Wait does.
void run_until(boost::asio::io_context& loop, const std::string& what, const std::function<bool()>& condition,
               std::chrono::milliseconds patience = test_patience);

/// Runs the loop until nothing is left to do on it. Throws as Wait does.
void run_to_end(boost::asio::io_context& loop, const std::string& what,
                std::chrono::milliseconds patience = test_patience);

template <class T>
bool is_ready(const std::future<T>& future) {
  return future.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
}

/// Runs the loop until the future's work is over; its result. Throws as Wait does, and at once where the loop runs out
/// of work before. Other threads may still hold the loop then: one that dies at once is to be run to its end.
template <class T>
T result_of(boost::asio::io_context& loop, std::future<T> future, const std::string& what,
            std::chrono::milliseconds patience = test_patience) {
  const Wait wait(what, patience);
  loop.restart();
  while (!is_ready(future)) {
    wait.go_on();
    if (loop.run_one_for(wait.left()) == 0 && loop.stopped() && !is_ready(future))
      throw std::logic_error(what + " waits for something that nobody does");
  }
  return future.get();
}

}  // namespace eventbus
