#include "eventbus/library/background_loop.hpp"

#include <boost/asio/packaged_task.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <future>

#include "eventbus/telemetry/log.hpp"

namespace eventbus {

void BackgroundLoop::run_context() {
  while (!context_.stopped()) {
    try {
      context_.run();
    } catch (const std::exception& fault) {
      log_error("a fault of the event bus library; report this line", {{"error", std::string_view(fault.what())}});
    }
  }
}

BackgroundLoop::~BackgroundLoop() {
  guard_.reset();
  thread_.join();
}

void BackgroundLoop::call(const std::function<void()>& work) {
  asio::post(context_, std::packaged_task<void()>(work)).get();
}

}  // namespace eventbus
