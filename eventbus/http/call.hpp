#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/event_json.hpp"
#include "eventbus/http/answer.hpp"
#include "eventbus/http/body_reader.hpp"
#include "eventbus/http/connection.hpp"
#include "eventbus/http/parameters.hpp"
#include "eventbus/http/query.hpp"
#include "eventbus/http/route.hpp"
#include "eventbus/http/services.hpp"

namespace eventbus {

/// One request on its way through a handler. Lives as long as its session; `reset` between requests.
class Call {
 public:
  Call(Services& services_of, Connection& connection_of);
  void reset();

  Parameters parameters() const { return Parameters(query); }
  bool head_only() const { return request.method == http::verb::head; }
  /// The request's X-Correlation-ID where it is valid (1–255 visible ASCII characters), else empty.
  std::string_view given_correlation_id() const;
  /// The same, or else one that stays for this call.
  std::string_view correlation_id();
  PublishContext publish_context() const;
  /// Logs why the request, or a part of it, could not be served, and gives what its client may know of that.
  Error failed(const std::exception& failure);

  Services& services;
  Connection& connection;
  Request request;
  BodyReader body_reader;
  const Route* route = nullptr;
  const BodyFormat* format = nullptr;  ///< Of the body; null when there is none.
  std::string parameter;               ///< The path's parameter, decoded.
  std::vector<QueryParameter> query;
  std::string_view body;  ///< The whole body where the format isn't streamed.
  Answer answer;
  bool keep_alive = true;
};

/// Writes an answer of unknown length as it is made: chunked, or up to the end of the connection for HTTP/1.0. The
/// client sees an answer that wasn't finished as broken.
class StreamedAnswer {
 public:
  explicit StreamedAnswer(Call& call) : call_(call) {}
  /// Writes the head, with the status, type and headers of the call's answer. For HEAD that is all.
  void begin();
  /// False when the client is gone.
  asio::awaitable<bool> write(std::string_view bytes);
  asio::awaitable<bool> finish();

 private:
  Call& call_;
};

}  // namespace eventbus
