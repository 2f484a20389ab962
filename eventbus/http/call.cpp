#include "eventbus/http/call.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "eventbus/core/uuid.hpp"
#include "eventbus/telemetry/log.hpp"
#include "eventbus/telemetry/trace_context.hpp"

namespace eventbus {
namespace {

constexpr std::size_t longest_correlation_id = 255;

bool visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

Call::Call(Services& services_of, Connection& connection_of)
    : services(services_of), connection(connection_of), body_reader(connection_of, services_of.settings) {}

void Call::reset() {
  request.headers.clear();
  request.content_length.reset();
  request.method = http::verb::unknown;
  request.chunked = false;
  request.keep_alive = true;
  request.expects_continue = false;
  request.version = 11;
  route = nullptr;
  format = nullptr;
  parameter.clear();
  query.clear();
  body = {};
  answer.reset();
  keep_alive = true;
}

std::string_view Call::given_correlation_id() const {
  const auto id = request.header("X-Correlation-ID");
  return id.size() <= longest_correlation_id && visible(id) ? id : std::string_view();
}

std::string_view Call::correlation_id() {
  if (const auto given = given_correlation_id(); !given.empty()) return given;
  const auto& chosen = answer.correlation_id;
  const bool fit = !chosen.empty() && chosen.size() <= longest_correlation_id && visible(chosen);
  if (!fit) answer.correlation_id = make_uuid_v7();
  return answer.correlation_id;
}

PublishContext Call::publish_context() const {
  PublishContext context;
  context.correlation_id = given_correlation_id();
  const auto traceparent = request.header("traceparent");
  if (!traceparent.empty()) context.traceparent = valid_traceparent(traceparent);
  context.max_event_bytes = services.settings.max_event_bytes;
  return context;
}

Error Call::failed(const std::exception& failure) {
  const auto path = route == nullptr ? std::string_view("unmatched") : route->path;
  const std::string_view reason = failure.what();
  const std::initializer_list<LogField> fields{
      {"route", path}, {"correlation_id", correlation_id()}, {"error", reason}};
  if (const auto* away = dynamic_cast<const Unavailable*>(&failure)) {
    log(level_of(*away, services.troubles), "a request could not be served; the client is told to try again", fields);
    return {ErrorCode::unavailable, away->client_detail()};
  }
  const bool is_new = services.troubles.level(reason) == LogLevel::warning;
  log(is_new ? LogLevel::error : LogLevel::debug,
      "a request failed for a reason that should not exist; the client is told so", fields);
  return {ErrorCode::internal, "An unexpected error; its correlation_id is in the service's log."};
}

void StreamedAnswer::begin() {
  auto& answer = call_.answer;
  answer.streamed = true;
  const bool chunked = call_.request.version >= 11;
  if (!chunked && !call_.head_only()) call_.keep_alive = false;
  append_head(call_.connection.output(), {.status = answer.status,
                                          .content_type = answer.content_type,
                                          .content_length = std::nullopt,
                                          .correlation_id = call_.correlation_id(),
                                          .headers = answer.headers,
                                          .version = call_.request.version,
                                          .keep_alive = call_.keep_alive});
}

asio::awaitable<bool> StreamedAnswer::write(std::string_view bytes) {
  if (bytes.empty()) co_return co_await call_.connection.flush();
  auto& out = call_.connection.output();
  if (call_.request.version >= 11) {
    std::array<char, 16> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
    out.append(size.data(), end).append("\r\n").append(bytes).append("\r\n");
  } else {
    out += bytes;
  }
  if (call_.connection.flush_now()) co_return true;
  co_return co_await call_.connection.flush();
}

asio::awaitable<bool> StreamedAnswer::finish() {
  if (call_.request.version >= 11) call_.connection.output() += "0\r\n\r\n";
  co_return co_await call_.connection.flush();
}

}  // namespace eventbus
