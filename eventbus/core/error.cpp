#include "eventbus/core/error.hpp"

#include <utility>

namespace eventbus {

ErrorDescription describe(ErrorCode code) {
  switch (code) {
    case ErrorCode::malformed_json:
      return {400, "malformed_json", "The body is not valid JSON"};
    case ErrorCode::invalid:
      return {422, "invalid", "The request has wrong or missing fields"};
    case ErrorCode::not_found:
      return {404, "not_found", "There is no such resource"};
    case ErrorCode::unknown_event:
      return {404, "unknown_event", "There is no such event"};
    case ErrorCode::unknown_queue:
      return {404, "unknown_queue", "There is no such queue"};
    case ErrorCode::method_not_allowed:
      return {405, "method_not_allowed", "The resource does not support this method"};
    case ErrorCode::not_acceptable:
      return {406, "not_acceptable", "No representation that the client accepts"};
    case ErrorCode::timeout:
      return {408, "timeout", "The request did not arrive in time"};
    case ErrorCode::conflict:
      return {409, "event_conflict", "The event_id is taken by different content"};
    case ErrorCode::queue_conflict:
      return {409, "queue_conflict", "The queue exists with another definition"};
    case ErrorCode::exchange_conflict:
      return {409, "exchange_conflict", "An exchange of this name is of another type"};
    case ErrorCode::cursor_lost:
      return {410, "cursor_lost", "The cursor is from a time that the log has lost"};
    case ErrorCode::too_large:
      return {413, "too_large", "The body is too large"};
    case ErrorCode::headers_too_large:
      return {431, "headers_too_large", "The header fields are too large"};
    case ErrorCode::uri_too_long:
      return {414, "uri_too_long", "The request target is too long"};
    case ErrorCode::unsupported_media_type:
      return {415, "unsupported_media_type", "The content type is not supported"};
    case ErrorCode::expectation_failed:
      return {417, "expectation_failed", "The expectation can not be met"};
    case ErrorCode::bad_request:
      return {400, "bad_request", "The request is not valid HTTP"};
    case ErrorCode::queue_full:
      return {429, "queue_full", "A bound queue is full"};
    case ErrorCode::too_many_requests:
      return {429, "too_many_requests", "Too many requests are in flight"};
    case ErrorCode::read_only:
      return {503, "read_only", "The service is in read-only mode"};
    case ErrorCode::draining:
      return {503, "draining", "The service is shutting down"};
    case ErrorCode::unavailable:
      return {503, "unavailable", "A dependency is unavailable"};
    case ErrorCode::internal:
      return {500, "internal", "The service failed"};
  }
  std::unreachable();
}

}  // namespace eventbus
