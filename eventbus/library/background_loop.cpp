#include "eventbus/library/background_loop.hpp"

#include <boost/asio/packaged_task.hpp>
#include <boost/asio/post.hpp>
#include <future>

namespace eventbus {

BackgroundLoop::~BackgroundLoop() {
  guard_.reset();
  thread_.join();
}

void BackgroundLoop::call(const std::function<void()>& work) {
  asio::post(context_, std::packaged_task<void()>(work)).get();
}

}  // namespace eventbus
