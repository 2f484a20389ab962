#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

namespace eventbus {

namespace asio = boost::asio;

/// The right to resume one suspended coroutine, once, with a value or an exception; it resumes on its own executor. May
/// be used from any thread. Must be used: a coroutine whose Completion is dropped never resumes.
template <class T>
using Completion = std::move_only_function<void(std::exception_ptr, T)>;

/// Suspends the calling coroutine and hands its Completion to `start`, on this thread. `start` is called when the
/// result is awaited, so await it where it is named: `co_await suspend<T>(start)`. Pass a *named* callable: gcc 12
/// destroys capturing temporaries inside a co_await expression twice.
template <class T, class Start>
asio::awaitable<T> suspend(Start& start) {
  auto initiate = [&start]<class Handler>(Handler handler) {
    auto executor = asio::get_associated_executor(handler);
    auto guard = asio::make_work_guard(executor);
    start(Completion<T>(
        [handler = std::move(handler), guard = std::move(guard)](std::exception_ptr error, T value) mutable {
          auto executor_of = guard.get_executor();
          asio::dispatch(executor_of, [handler = std::move(handler), error, value = std::move(value)]() mutable {
            std::move(handler)(error, std::move(value));
          });
        }));
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, T)>(initiate,
                                                                                          asio::use_awaitable);
}

}  // namespace eventbus
