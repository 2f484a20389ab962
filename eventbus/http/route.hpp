#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/http/request.hpp"

namespace eventbus {

namespace asio = boost::asio;

class Call;

/// What a handler reports: nothing when it filled the call's answer, else the error to answer with. Throws
/// `Unavailable`.
using SyncHandler = Result<void> (*)(Call&);
using AsyncHandler = asio::awaitable<Result<void>> (*)(Call&);

struct ParameterDoc {
  enum class Place : std::uint8_t { query, header };
  std::string_view name;
  std::string_view schema;  ///< JSON Schema text.
  std::string_view description;
  Place place = Place::query;
  bool required = false;
};

/// One content type that a request body may have.
struct BodyFormat {
  std::string_view media_type;
  std::string_view schema;  ///< JSON Schema text.
  std::string_view example;
  /// Streamed bodies have no limit and are read by the handler, others arrive whole.
  bool streamed = false;
};

enum class BodyLimit : std::uint8_t { event, batch, other };

struct AnswerDoc {
  int status = 200;
  std::string_view description;
  std::string_view media_type;   ///< Empty: no content.
  std::string_view schema;       ///< JSON Schema text; empty: none.
  std::string_view header = {};  ///< A header of it that OpenAPI's components describe; empty: none but the usual ones.
};

/// How a request counts against HttpSettings::max_in_flight: not at all when it waits or must be answered whatever
/// happens.
enum class Load : std::uint8_t { counted, exempt };

/// One operation of the API: what dispatches it and what describes it, in one place so that they can't drift apart. A
/// path has at most one parameter, "{queue}" for a segment or "{event_id...}" for the whole rest.
struct Route {
  http::verb method;
  std::string_view path;
  std::string_view operation_id;
  std::string_view tag;
  std::string_view summary;
  std::string_view description = {};
  std::vector<ParameterDoc> parameters = {};
  bool any_query = false;             ///< Whatever else is in the query is passed over.
  std::vector<BodyFormat> body = {};  ///< Empty: takes no body.
  /// The media type that a request's body counts as; null: what its Content-Type says.
  std::string_view (*media_type_of)(const Request&) = nullptr;
  BodyLimit body_limit = BodyLimit::other;
  bool body_required = true;
  std::vector<AnswerDoc> answers;
  std::vector<ErrorCode> errors = {};  ///< Besides those of `common_errors` and `body_errors`.
  std::variant<SyncHandler, AsyncHandler> handler;
  Load load = Load::counted;
};

/// What any request may get, and any request with a body.
std::vector<ErrorCode> common_errors();
std::vector<ErrorCode> body_errors();

/// The parts of the table, by who calls them.
std::vector<Route> publish_routes();
std::vector<Route> query_routes();
std::vector<Route> queue_routes();
std::vector<Route> delivery_routes();
std::vector<Route> dead_letter_routes();
std::vector<Route> operations_routes();
std::vector<Route> breaker_routes();

/// The whole table, in the order of the documentation.
std::vector<Route> all_routes();

}  // namespace eventbus
