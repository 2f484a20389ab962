#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace eventbus {

/// Everything a caller can be told. Each code has one HTTP status and one stable name (see `describe`).
enum class ErrorCode : std::uint8_t {
  malformed_json,
  invalid,
  not_found,
  unknown_event,
  unknown_queue,
  method_not_allowed,
  not_acceptable,
  timeout,
  conflict,
  queue_conflict,
  too_large,
  headers_too_large,
  uri_too_long,
  unsupported_media_type,
  expectation_failed,
  bad_request,
  queue_full,
  too_many_requests,
  read_only,
  draining,
  unavailable,
  exchange_conflict,
  cursor_lost,
  internal,  ///< The last one.
};

struct ErrorDescription {
  int status;              ///< HTTP status.
  std::string_view name;   ///< Stable `code` of the API, e.g. "event_conflict".
  std::string_view title;  ///< Short English sentence, the same for every occurrence.
};

/// The one table of codes. Never fails.
ErrorDescription describe(ErrorCode code);

/// One field at fault. `field` is a path such as "payload", "bindings[0].routing_key" or "event_type".
struct FieldError {
  std::string field;
  std::string message;  ///< What is wrong and what is allowed.
};

/// The caller asked for something impossible. `detail` says what to do about it.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string detail;
  std::vector<FieldError> fields = {};
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string detail, std::vector<FieldError> fields = {}) {
  return std::unexpected(Error{code, std::move(detail), std::move(fields)});
}

/// The world broke: a disk, a socket, a server. Handled at the HTTP session, the relay, the delivery attempt and `main`
/// only; becomes a 503 with `Retry-After`. `what()` is for the log: operation, target and reason, never a secret. It
/// may name hosts, users, databases and files, which are no business of a client's: that one gets `client_detail`.
class Unavailable : public std::runtime_error {
 public:
  Unavailable(std::string_view operation, std::string_view reason,
              std::chrono::seconds retry_after = std::chrono::seconds{1})
      : std::runtime_error(std::string(operation) + ": " + std::string(reason)), retry_after_(retry_after) {}
  std::chrono::seconds retry_after() const { return retry_after_; }
  /// What a client is told: that something is away, or better what it can do about it.
  const std::string& client_detail() const { return client_detail_; }
  /// Gives the client more than the general sentence: text of ours and the names that the client uses itself.
  Unavailable& tell_client(std::string_view detail) {
    client_detail_ = detail;
    return *this;
  }

 private:
  std::string client_detail_ =
      "Something that the service needs for this is away; its log tells what and why. Try again after Retry-After.";
  std::chrono::seconds retry_after_;
};

}  // namespace eventbus
