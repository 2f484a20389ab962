#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/http/settings.hpp"

namespace eventbus {

namespace asio = boost::asio;

/// Lets the coroutines that `work` waits in be cancelled without an exception: timers just end early.
template <class T>
asio::awaitable<T> end_early(asio::awaitable<T> work) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await std::move(work);
}

/// One client's socket with its input and output buffers and its one deadline, which `expire` (called now and then for
/// all connections) enforces. One coroutine uses it at a time; everything on the event loop's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;
  using Clock = std::chrono::steady_clock;

  Connection(Socket socket, const HttpSettings& settings);
  ~Connection();

  Socket::executor_type executor() { return socket_.get_executor(); }
  std::string_view input() const;
  void consume(std::size_t bytes) { input_.consume(bytes); }
  /// Waits for more input, after flushing what is to be said first. False at end of file, error or `deadline`.
  asio::awaitable<bool> fill(Clock::time_point deadline, std::size_t most);
  /// The last `fill` ended at its deadline.
  bool timed_out() const { return timed_out_; }
  /// Gives memory back that a large body needed.
  void trim();

  /// Bytes to be written by the next flush.
  std::string& output() { return output_; }
  /// Runs when the output appended so far can't be written, or the connection ends first.
  void when_undelivered(std::move_only_function<void()> undo) { undelivered_.push_back(std::move(undo)); }
  /// Writes what the socket takes at once; true when that was everything.
  bool flush_now();
  /// False when the client is gone, or took nothing for the write timeout.
  asio::awaitable<bool> flush();
  /// Reading or writing failed for good.
  bool broken() const { return broken_; }

  /// Runs `work`, which ends early when the client disconnects or the server drains; see `gone`.
  template <class T>
  asio::awaitable<T> while_connected(asio::awaitable<T> work) {
    co_await flush();
    watch();
    auto token = asio::bind_cancellation_slot(interrupt_.slot(), asio::use_awaitable);
    auto task = asio::co_spawn(socket_.get_executor(), end_early(std::move(work)), token);
    std::exception_ptr failure;
    T result{};
    try {
      result = co_await std::move(task);
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
    unwatch();
    if (failure) std::rethrow_exception(failure);
    co_return result;
  }
  /// The client disconnected during `while_connected`.
  bool gone() const { return gone_ || broken_; }

  /// Between two requests; `drain` closes it then.
  void set_idle(bool idle) { idle_ = idle; }
  void drain();
  void expire(Clock::time_point now);
  void close();
  /// Tells the client that nothing more comes, and reads what it still sends for a moment, so that the last answer
  /// isn't lost to a reset.
  asio::awaitable<void> close_gently();

 private:
  void watch();
  void unwatch();
  void leave();
  bool disconnected();

  Socket socket_;
  const HttpSettings& settings_;
  boost::beast::flat_buffer input_;
  std::string output_;
  std::vector<std::move_only_function<void()>> undelivered_;
  asio::cancellation_signal interrupt_;
  Clock::time_point deadline_ = Clock::time_point::max();
  unsigned watches_ = 0;
  bool timed_out_ = false;
  bool broken_ = false;
  bool gone_ = false;
  bool blind_ = false;  ///< Unread input hides from `watch` whether the client disconnects; `expire` looks instead.
  bool idle_ = false;
};

}  // namespace eventbus
