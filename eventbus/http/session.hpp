#pragma once

#include <memory>
#include <optional>
#include <string>

#include "eventbus/http/call.hpp"
#include "eventbus/http/request_parser.hpp"

namespace eventbus {

/// Serves the requests of one connection one after the other, and answers in their order. Everything that can be done
/// without waiting happens without suspending, and the answers to pipelined requests leave in one write.
class Session {
 public:
  /// Runs until the connection ends.
  static asio::awaitable<void> serve(std::shared_ptr<Services> services, std::shared_ptr<Connection> connection);

 private:
  Session(Services& services, Connection& connection);

  asio::awaitable<void> run();
  asio::awaitable<bool> wait_for_head();
  std::optional<Error> take_head(bool& complete);
  std::optional<Error> check_size(HeadScanner::State state) const;

  asio::awaitable<void> handle();
  std::optional<Error> prepare();
  std::optional<Error> find_route();
  std::optional<Error> choose_format();
  std::optional<Error> check_query();
  asio::awaitable<Result<void>> call_handler();
  asio::awaitable<Result<void>> read_body();
  std::size_t body_limit() const;

  void refuse(const Error& error);
  void write_answer();
  void log_answer(double seconds);

  Services& services_;
  Connection& connection_;
  Call call_;
  HeadScanner scanner_;
  std::string head_;
  Connection::Clock::time_point head_deadline_{};
  bool counted_ = false;
};

}  // namespace eventbus
