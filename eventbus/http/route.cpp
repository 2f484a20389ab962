#include "eventbus/http/route.hpp"

#include <iterator>

namespace eventbus {

std::vector<ErrorCode> common_errors() {
  return {
      ErrorCode::bad_request,       ErrorCode::timeout,           ErrorCode::uri_too_long,       ErrorCode::invalid,
      ErrorCode::too_many_requests, ErrorCode::headers_too_large, ErrorCode::expectation_failed, ErrorCode::internal,
      ErrorCode::unavailable,       ErrorCode::method_not_allowed};
}

std::vector<ErrorCode> body_errors() {
  return {ErrorCode::malformed_json, ErrorCode::too_large, ErrorCode::unsupported_media_type};
}

std::vector<Route> all_routes() {
  std::vector<Route> all;
  for (auto part : {publish_routes, query_routes, queue_routes, delivery_routes, dead_letter_routes, operations_routes,
                    breaker_routes}) {
    auto routes = part();
    all.insert(all.end(), std::make_move_iterator(routes.begin()), std::make_move_iterator(routes.end()));
  }
  return all;
}

}  // namespace eventbus
