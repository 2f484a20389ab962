#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "eventbus/client/http_connection.hpp"
#include "eventbus/client/json_object.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/library/background_loop.hpp"

namespace eventbus {

/// A request to the service and what its answer means.
template <class T>
struct ApiCall {
  Result<HttpRequest> request;                       ///< An error is the outcome; nothing is sent.
  std::function<Result<T>(const HttpAnswer&)> read;  ///< Refusals included. May throw ForeignAnswer.
  std::chrono::milliseconds patience{0};             ///< What the service may take besides the usual time.
};

/// Performs calls, each on a connection to itself, so that none waits for another. Thread-safe. Only sending happens on
/// the loop of this object; answers are read where the caller is.
class HttpApi {
 public:
  /// `kept`: connections that stay open between requests. `timeout` bounds each call without `patience`.
  HttpApi(const std::string& url, std::size_t kept, std::chrono::milliseconds timeout);
  /// Breaks off what is under way.
  ~HttpApi();
  HttpApi(const HttpApi&) = delete;
  HttpApi& operator=(const HttpApi&) = delete;

  template <class T>
  Result<T> perform(ApiCall<T> call) {
    if (!call.request) return std::unexpected(std::move(call.request.error()));
    return understand(call, loop_.wait(send(std::move(*call.request), call.patience)));
  }
  template <class T>
  asio::awaitable<Result<T>> async_perform(ApiCall<T> call) {
    if (!call.request) co_return std::unexpected(std::move(call.request.error()));
    auto sending = loop_.run(send(std::move(*call.request), call.patience));
    auto answer = co_await std::move(sending);
    co_return understand(call, std::move(answer));
  }
  /// Blocks until it is over. For coroutines that use `async_perform`.
  template <class T>
  Result<T> wait(asio::awaitable<Result<T>> work) {
    return loop_.wait(std::move(work));
  }

 private:
  class Borrowed;
  asio::awaitable<Result<HttpAnswer>> send(HttpRequest request, std::chrono::milliseconds patience);
  std::unique_ptr<HttpConnection> take();
  void give_back(std::unique_ptr<HttpConnection> connection);

  template <class T>
  static Result<T> understand(const ApiCall<T>& call, Result<HttpAnswer> answer) {
    if (!answer) return std::unexpected(std::move(answer.error()));
    try {
      return call.read(*answer);
    } catch (const ForeignAnswer& error) {
      return fail(ErrorCode::unavailable, error.what());
    }
  }

  Result<ServerUrl> server_;
  std::size_t kept_;
  std::chrono::milliseconds timeout_;
  bool closing_ = false;
  std::unordered_set<HttpConnection*> busy_;
  std::vector<std::unique_ptr<HttpConnection>> idle_;
  BackgroundLoop loop_;  ///< Ends first: what runs there uses the rest.
};

}  // namespace eventbus
