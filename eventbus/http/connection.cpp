#include "eventbus/http/connection.hpp"

#include <poll.h>

#include <utility>

#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

constexpr std::size_t kept_buffer = std::size_t{64} << 10U;
constexpr auto gentle_close_time = std::chrono::seconds{2};
constexpr std::size_t gentle_close_bytes = std::size_t{64} << 20U;

}  // namespace

Connection::Connection(Socket socket, const HttpSettings& settings) : socket_(std::move(socket)), settings_(settings) {
  boost::system::error_code ignored;  // both only make it faster
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
}

Connection::~Connection() {
  for (auto& undo : undelivered_) undo();
}

std::string_view Connection::input() const {
  const auto data = input_.data();
  return {static_cast<const char*>(data.data()), data.size()};
}

asio::awaitable<bool> Connection::fill(Clock::time_point deadline, std::size_t most) {
  if (!output_.empty() && !co_await flush()) co_return false;
  timed_out_ = false;
  deadline_ = deadline;
  const auto space = input_.prepare(most);
  const auto [error, bytes] = co_await socket_.async_read_some(space, asio::as_tuple(asio::use_awaitable));
  deadline_ = Clock::time_point::max();
  input_.commit(bytes);
  if (!error) co_return true;
  timed_out_ = timed_out_ && error == asio::error::operation_aborted;
  broken_ = error != asio::error::eof && !timed_out_;
  co_return false;
}

void Connection::trim() {
  if (input_.size() == 0 && input_.capacity() > kept_buffer) input_.shrink_to_fit();
  if (output_.empty() && output_.capacity() > kept_buffer) output_.shrink_to_fit();
}

bool Connection::flush_now() {
  boost::system::error_code error;
  std::size_t written = 0;
  while (written < output_.size() && !error) {
    written += socket_.write_some(asio::buffer(output_.data() + written, output_.size() - written), error);
  }
  if (error && error != asio::error::would_block && error != asio::error::try_again) {
    broken_ = true;
    return false;
  }
  output_.erase(0, written);
  if (!output_.empty()) return false;
  undelivered_.clear();
  return true;
}

asio::awaitable<bool> Connection::flush() {
  while (!flush_now()) {
    if (broken_) co_return false;
    const auto before = output_.size();
    timed_out_ = false;
    deadline_ = Clock::now() + settings_.write_timeout;
    const auto [error] = co_await socket_.async_wait(Socket::wait_write, asio::as_tuple(asio::use_awaitable));
    deadline_ = Clock::time_point::max();
    if (error && output_.size() == before) {
      if (timed_out_) log_info("a client took nothing of its answer in time (write timeout); its connection is closed");
      broken_ = true;
      co_return false;
    }
  }
  co_return true;
}

void Connection::watch() {
  auto look = [self = shared_from_this(), number = ++watches_](boost::system::error_code error) {
    if (error || number != self->watches_) return;
    self->blind_ = !self->disconnected();
    if (!self->blind_) self->leave();
  };
  socket_.async_wait(Socket::wait_read, std::move(look));
}

void Connection::leave() {
  gone_ = true;
  interrupt_.emit(asio::cancellation_type::terminal);
}

void Connection::unwatch() {
  ++watches_;
  blind_ = false;
  boost::system::error_code ignored;  // fails on a closed socket only
  socket_.cancel(ignored);
}

bool Connection::disconnected() {
  pollfd descriptor{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&descriptor, 1, 0) > 0;  // POLLRDHUP, POLLHUP or POLLERR, whatever is still to be read
}

void Connection::drain() {
  if (idle_ && input_.size() == 0) {
    close();
  } else {
    interrupt_.emit(asio::cancellation_type::terminal);
  }
}

void Connection::expire(Clock::time_point now) {
  if (blind_ && disconnected()) leave();
  if (now < deadline_) return;
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::close() {
  boost::system::error_code ignored;  // nothing is left to be done about it
  socket_.close(ignored);
}

asio::awaitable<void> Connection::close_gently() {
  boost::system::error_code error;
  if (!broken_) socket_.shutdown(Socket::shutdown_send, error);
  const auto deadline = Clock::now() + gentle_close_time;
  std::size_t discarded = 0;
  while (!broken_ && !error && discarded < gentle_close_bytes) {
    input_.consume(input_.size());
    if (!co_await fill(deadline, kept_buffer)) break;
    discarded += input_.size();
  }
  close();
}

}  // namespace eventbus
