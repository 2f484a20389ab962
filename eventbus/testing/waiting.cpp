#include "eventbus/testing/waiting.hpp"

#include <algorithm>
#include <thread>

namespace eventbus {

using namespace std::chrono_literals;

namespace {

std::string expired(const std::string& what, std::chrono::milliseconds patience) {
  return "waited " + std::to_string(patience.count()) + " ms for " + what;
}

}  // namespace

void Wait::go_on() const {
  if (left() > 0ms) return;
  throw std::runtime_error(expired(what_, patience_));
}

std::chrono::milliseconds Wait::left() const {
  const auto passed = std::chrono::steady_clock::now() - began_;
  return std::max(0ms, patience_ - std::chrono::duration_cast<std::chrono::milliseconds>(passed));
}

void wait_until(const std::string& what, const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const Wait wait(what, patience);
  while (!condition()) {
    wait.go_on();
    std::this_thread::sleep_for(1ms);
  }
}

void run_until(boost::asio::io_context& loop, const std::string& what, const std::function<bool()>& condition,
               std::chrono::milliseconds patience) {
  const auto guard = boost::asio::make_work_guard(loop);
  const Wait wait(what, patience);
  loop.restart();
  while (!condition()) {
    wait.go_on();
    loop.run_one_for(std::min<std::chrono::milliseconds>(100ms, wait.left()));
  }
}

void run_to_end(boost::asio::io_context& loop, const std::string& what, std::chrono::milliseconds patience) {
  loop.restart();
  loop.run_for(patience);
  if (!loop.stopped()) throw std::runtime_error(expired(what, patience));
}

}  // namespace eventbus
