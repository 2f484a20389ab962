#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>

#include "eventbus/core/error.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// Exceptions as errors, since the library's callers get all errors in one way: `Unavailable` as that code, whatever
/// else, a fault of the library, as `internal`.
template <class T>
asio::awaitable<Result<T>> without_throwing(asio::awaitable<Result<T>> work) {
  try {
    co_return co_await std::move(work);
  } catch (const Unavailable& error) {
    co_return fail(ErrorCode::unavailable, error.what());
  } catch (const std::exception& fault) {
    co_return fail(ErrorCode::internal, fault.what());
  }
}

/// An event loop on a thread of its own, for objects that are used from any thread and by programs without a loop. What
/// runs there must not outlive what it uses: finish it before the loop is destroyed. An exception that nobody awaits
/// is logged there: a library must not end its program.
class BackgroundLoop {
 public:
  BackgroundLoop() : guard_(asio::make_work_guard(context_)), thread_([this] { run_context(); }) {}
  /// Blocks until what still runs there is over.
  ~BackgroundLoop();
  BackgroundLoop(const BackgroundLoop&) = delete;
  BackgroundLoop& operator=(const BackgroundLoop&) = delete;

  asio::any_io_executor executor() { return context_.get_executor(); }

  /// Runs it there and blocks until it is over. Not from the loop itself.
  template <class T>
  T wait(asio::awaitable<T> work) {
    return asio::co_spawn(context_, std::move(work), asio::use_future).get();
  }
  /// Runs it there and resumes on the caller's executor.
  template <class T>
  asio::awaitable<T> run(asio::awaitable<T> work) {
    co_return co_await asio::co_spawn(context_, std::move(work), asio::use_awaitable);
  }
  /// The two for work whose exceptions become errors, see `without_throwing`.
  template <class T>
  Result<T> wait_for_result(asio::awaitable<Result<T>> work) {
    return wait(without_throwing(std::move(work)));
  }
  template <class T>
  asio::awaitable<Result<T>> run_for_result(asio::awaitable<Result<T>> work) {
    return run(without_throwing(std::move(work)));
  }
  /// Calls it there and blocks until it has returned. Not from the loop itself.
  void call(const std::function<void()>& work);

 private:
  void run_context();

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::thread thread_;
};

}  // namespace eventbus
