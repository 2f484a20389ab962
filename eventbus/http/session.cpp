#include "eventbus/http/session.hpp"

#include <algorithm>

#include "eventbus/http/problem.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

constexpr std::size_t head_read_size = 8192;
constexpr std::size_t most_gathered_output = std::size_t{256} << 10U;
constexpr int retry_after_seconds = 1;

bool worth_retrying(int status) {
  return status == 429 || status == 503;
}

}  // namespace

Session::Session(Services& services, Connection& connection)
    : services_(services), connection_(connection), call_(services, connection) {}

asio::awaitable<void> Session::serve(std::shared_ptr<Services> services, std::shared_ptr<Connection> connection) {
  Session session(*services, *connection);
  co_await session.run();
  co_await connection->close_gently();
}

asio::awaitable<void> Session::run() {
  for (;;) {
    bool complete = false;
    call_.reset();
    if (auto error = take_head(complete)) {
      call_.keep_alive = false;
      refuse(*error);
      services_.metrics.count(services_.metrics.unmatched(), call_.request.method, call_.answer.status, 0);
      write_answer();
    } else if (complete) {
      co_await handle();
    } else if (!co_await wait_for_head()) {
      co_return;
    }
    if (!complete && call_.keep_alive) continue;
    if (connection_.broken()) co_return;
    const bool more = call_.keep_alive && !connection_.input().empty();
    if (more && connection_.output().size() < most_gathered_output) continue;
    if (!connection_.flush_now() && !co_await connection_.flush()) co_return;
    if (!call_.keep_alive) co_return;
    connection_.trim();
  }
}

asio::awaitable<bool> Session::wait_for_head() {
  const bool idle = connection_.input().empty();
  if (!connection_.flush_now() && !co_await connection_.flush()) co_return false;
  if (idle && services_.draining) co_return false;
  const auto now = Connection::Clock::now();
  if (head_deadline_ == Connection::Clock::time_point{}) head_deadline_ = now + services_.settings.header_timeout;
  connection_.set_idle(idle);
  const bool arrived =
      co_await connection_.fill(idle ? now + services_.settings.idle_timeout : head_deadline_, head_read_size);
  connection_.set_idle(false);
  if (idle) head_deadline_ = {};
  if (arrived || idle || !connection_.timed_out()) co_return arrived;
  call_.keep_alive = false;
  refuse({ErrorCode::timeout, "The request's headers did not arrive in time."});
  write_answer();
  co_await connection_.flush();
  co_return false;
}

std::optional<Error> Session::take_head(bool& complete) {
  auto input = connection_.input();
  while (scanner_.length() == 0 && input.starts_with("\r\n")) {
    connection_.consume(2);  // RFC 9112 section 2.2: an empty line before a request is skipped
    input = connection_.input();
  }
  const auto state = scanner_.scan(input);
  if (auto error = check_size(state)) return error;
  if (state == HeadScanner::State::malformed) {
    return Error{ErrorCode::bad_request,
                 "The request's head breaks RFC 9112: a line must end with CRLF and not be folded."};
  }
  if (state == HeadScanner::State::incomplete) return std::nullopt;
  head_.assign(input.substr(0, scanner_.length()));
  connection_.consume(scanner_.length());
  scanner_.reset();
  head_deadline_ = {};
  RequestParser parser(call_.request);
  if (auto parsed = parser.parse_head(head_); !parsed) return std::move(parsed.error());
  complete = true;
  return std::nullopt;
}

std::optional<Error> Session::check_size(HeadScanner::State state) const {
  const auto input = connection_.input();
  const auto& settings = services_.settings;
  const auto size = state == HeadScanner::State::incomplete ? input.size() : scanner_.length();
  if (size <= std::min(settings.max_head_bytes, settings.max_target_bytes)) return std::nullopt;
  const auto first_line = input.substr(0, input.find('\n')).size();
  if (first_line > settings.max_target_bytes) {
    return Error{ErrorCode::uri_too_long,
                 "The request line is longer than " + std::to_string(settings.max_target_bytes) + " bytes."};
  }
  if (size <= settings.max_head_bytes) return std::nullopt;
  return Error{ErrorCode::headers_too_large,
               "The request's headers are larger than " + std::to_string(settings.max_head_bytes) + " bytes."};
}

asio::awaitable<void> Session::handle() {
  const auto begun = Connection::Clock::now();
  call_.keep_alive = call_.request.keep_alive && !services_.draining;
  call_.body_reader.begin(call_.request);
  auto error = prepare();
  if (!error && call_.route != nullptr) {
    if (auto done = co_await call_handler(); !done) error = std::move(done.error());
  }
  if (counted_) --services_.in_flight;
  counted_ = false;
  if (error) refuse(*error);
  call_.body_reader.end();
  call_.body_reader.skip_arrived();
  if (!call_.body_reader.finished()) {
    // An answer that is due now must not wait for the rest of a body that may never come.
    const bool reusable = !connection_.broken() && !call_.answer.close && call_.body_reader.skippable();
    call_.keep_alive = call_.keep_alive && reusable;
  }
  call_.keep_alive = call_.keep_alive && !call_.answer.close && !services_.draining;
  write_answer();
  if (call_.keep_alive && !call_.body_reader.finished()) call_.keep_alive = co_await call_.body_reader.skip_rest();
  const auto route = call_.route == nullptr ? services_.metrics.unmatched() : services_.router.index_of(*call_.route);
  const std::chrono::duration<double> took = Connection::Clock::now() - begun;
  services_.metrics.count(route, call_.request.method, call_.answer.status, took.count());
  if (log_enabled(LogLevel::debug)) log_answer(took.count());
}

void Session::log_answer(double seconds) {
  const auto route = call_.route == nullptr ? std::string_view("unmatched") : call_.route->path;
  log(LogLevel::debug, "request answered",
      {{"method", call_.request.method_text},
       {"route", route},
       {"status", std::int64_t{call_.answer.status}},
       {"seconds", seconds},
       {"correlation_id", call_.correlation_id()}});
}

std::optional<Error> Session::prepare() {
  if (auto error = find_route(); error || call_.route == nullptr) return error;
  if (call_.route->load == Load::counted) {
    if (services_.in_flight >= services_.settings.max_in_flight) {
      return Error{ErrorCode::too_many_requests, "Too many requests are in flight; try again after Retry-After."};
    }
    ++services_.in_flight;
    counted_ = true;
  }
  if (call_.request.has(http::field::expect) && !call_.request.expects_continue && call_.request.version >= 11) {
    return Error{ErrorCode::expectation_failed, "The only expectation understood is '100-continue'."};
  }
  if (auto error = check_query()) return error;
  return choose_format();
}

std::optional<Error> Session::find_route() {
  const auto method = call_.request.method;
  const auto match = services_.router.find(method, call_.request.path);
  const bool options = method == http::verb::options;
  if (options && (match.entry != nullptr || call_.request.path == "*")) {
    call_.answer.status = 204;
    call_.answer.add_header("Allow", match.entry == nullptr ? allowed_methods(services_.router) : match.entry->allow);
    return std::nullopt;
  }
  if (match.entry == nullptr) return Error{ErrorCode::not_found, "There is no such path; GET /docs lists all of them."};
  if (match.route == nullptr) {
    call_.answer.add_header("Allow", match.entry->allow);
    return Error{ErrorCode::method_not_allowed, "This path answers " + match.entry->allow + "."};
  }
  call_.route = match.route;
  auto parameter = decode_percent(match.parameter, match.entry->parameter);
  if (!parameter) return std::move(parameter.error());
  call_.parameter = std::move(*parameter);
  return std::nullopt;
}

std::optional<Error> Session::check_query() {
  if (call_.request.query.empty() || call_.route->any_query) return std::nullopt;
  auto parsed = parse_query(call_.request.query);
  if (!parsed) return std::move(parsed.error());
  call_.query = std::move(*parsed);
  Parameters parameters(call_.query);
  for (const auto& given : call_.query) {
    const auto is_given = [&given](const ParameterDoc& known) {
      return known.place == ParameterDoc::Place::query && known.name == given.name;
    };
    if (std::ranges::none_of(call_.route->parameters, is_given))
      parameters.refuse(given.name, "is not a known parameter");
  }
  auto checked = parameters.check();
  if (!checked) return std::move(checked.error());
  return std::nullopt;
}

std::optional<Error> Session::choose_format() {
  const auto& formats = call_.route->body;
  if (formats.empty() || (!call_.request.has_body() && !call_.route->body_required)) return std::nullopt;
  if (call_.request.has(http::field::content_encoding)) {
    return Error{ErrorCode::unsupported_media_type,
                 "A body with Content-Encoding is not understood; send it as it is."};
  }
  auto* const counted = call_.route->media_type_of;
  const auto type = counted == nullptr ? call_.request.header(http::field::content_type) : counted(call_.request);
  const bool unnamed = !call_.request.has(http::field::content_type);
  const auto named = [&](const BodyFormat& format) { return unnamed || is_media_type(type, format.media_type); };
  const auto found = std::ranges::find_if(formats, named);
  if (found == formats.end()) {
    std::string allowed;
    for (const auto& format : formats)
      allowed.append(allowed.empty() ? "Content-Type must be " : " or ").append(format.media_type);
    return Error{ErrorCode::unsupported_media_type, std::move(allowed)};
  }
  call_.format = &*found;
  if (found->streamed || call_.request.content_length.value_or(0) <= body_limit()) return std::nullopt;
  return Error{ErrorCode::too_large, "The body is larger than " + std::to_string(body_limit()) + " bytes."};
}

std::size_t Session::body_limit() const {
  switch (call_.route->body_limit) {
    case BodyLimit::event:
      return services_.settings.max_event_bytes;
    case BodyLimit::batch:
      return services_.settings.max_batch_bytes;
    case BodyLimit::other:
      break;
  }
  return services_.settings.max_body_bytes;
}

asio::awaitable<Result<void>> Session::read_body() {
  if (const auto body = call_.body_reader.whole_now()) {
    call_.body = *body;
    co_return Result<void>{};
  }
  auto body = co_await call_.body_reader.whole(body_limit());
  if (!body) {
    call_.answer.close = true;
    co_return std::unexpected(std::move(body.error()));
  }
  call_.body = *body;
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Session::call_handler() {
  try {
    if (call_.format != nullptr && !call_.format->streamed) {
      if (const auto body = call_.body_reader.whole_now()) {
        call_.body = *body;
      } else if (auto read = co_await read_body(); !read) {
        co_return read;
      }
    }
    if (const auto* sync = std::get_if<SyncHandler>(&call_.route->handler)) co_return (*sync)(call_);
    co_return co_await std::get<AsyncHandler>(call_.route->handler)(call_);
  } catch (const Unavailable& failure) {
    call_.answer.add_header("Retry-After", std::to_string(std::max<long>(1, failure.retry_after().count())));
    co_return std::unexpected(call_.failed(failure));
  } catch (const std::exception& failure) {
    co_return std::unexpected(call_.failed(failure));
  }
}

void Session::refuse(const Error& error) {
  auto& answer = call_.answer;
  if (answer.streamed) {  // too late for another answer: the client must see that this one is broken
    answer.close = true;
    return;
  }
  answer.status = describe(error.code).status;
  answer.content_type = problem_type;
  answer.body.clear();
  answer.undelivered = nullptr;
  if (worth_retrying(answer.status) && answer.headers.find("Retry-After") == std::string::npos) {
    answer.add_header("Retry-After", std::to_string(retry_after_seconds));
  }
  append_problem(answer.body, error, call_.correlation_id());
}

void Session::write_answer() {
  auto& answer = call_.answer;
  if (answer.streamed) return;
  const bool empty = answer.status == 204;
  auto& out = connection_.output();
  append_head(out, {.status = answer.status,
                    .content_type = empty ? std::string_view() : answer.content_type,
                    .content_length = empty ? std::nullopt : std::optional(answer.body.size()),
                    .correlation_id = call_.correlation_id(),
                    .headers = answer.headers,
                    .version = call_.request.version,
                    .keep_alive = call_.keep_alive});
  if (!call_.head_only() && !empty) out += answer.body;
  if (answer.undelivered) connection_.when_undelivered(std::move(answer.undelivered));
}

}  // namespace eventbus
