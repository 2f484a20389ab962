#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventbus/client/server_url.hpp"

namespace eventbus {

/// The server gave no answer: refused, lost or silent connection. what() names the address, the reason and what to do.
class Unreachable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `HttpClient::interrupt` ended the request.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

struct HttpRequest {
  std::string method = "GET";
  std::string target = {};  ///< Path and query, encoded; the server URL's base path is put before it.
  std::string body = {};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// Carried out twice, it does no more than once. GET, HEAD and PUT always are.
  bool repeatable = false;
};

struct HttpAnswer {
  int status = 0;
  std::string content_type;
  std::string retry_after;  ///< Header; empty: none.
  std::string body = {};
  bool ok() const { return status >= 200 && status < 300; }
};

/// A blocking HTTP/1.1 client that keeps its one connection alive. One thread at a time, but for `interrupt`. Requests
/// throw `Unreachable`, and `Interrupted` after `interrupt`. A kept connection that the server has closed meanwhile is
/// replaced; one that breaks before the answer begins costs a request that may be repeated one more attempt.
class HttpClient {
 public:
  /// Gives a part of the answer's body; false ends the request (the connection is then closed).
  using Sink = std::function<bool(std::string_view)>;
  /// The next part of the request's body; empty at its end.
  using Source = std::function<std::string()>;

  /// `timeout` bounds connecting, each write and the wait for an answer; of streamed answers each silence in it.
  explicit HttpClient(ServerUrl server, std::chrono::milliseconds timeout = std::chrono::seconds(30));
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  HttpAnswer send(const HttpRequest& request);
  /// The same with the body of a 2xx answer given to `sink` as it arrives.
  HttpAnswer stream(const HttpRequest& request, const Sink& sink);
  /// Sends a chunked body from `source` in constant memory. Stops early when the server answers before the end.
  HttpAnswer upload(const HttpRequest& request, const Source& source);

  /// For requests that wait longer or shorter than usual, e.g. long polls.
  void set_timeout(std::chrono::milliseconds timeout);
  /// Ends the running request and every later one. From any thread.
  void interrupt();
  const ServerUrl& server() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventbus
