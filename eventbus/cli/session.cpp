#include "eventbus/cli/session.hpp"

#include <fmt/format.h>

#include "eventbus/cli/console/exit_code.hpp"

namespace eventbus::cli {

ServerUrl Session::server() const {
  auto parsed = parse_server_url(url);
  if (!parsed) throw CommandFailed(ExitCode::usage, "--url (or EVENTBUS_URL): " + parsed.error().detail);
  return std::move(*parsed);
}

std::string Api::call(std::string method, const std::string& target, std::string body) {
  HttpRequest request{.method = std::move(method), .target = target, .body = std::move(body)};
  auto answer = http_.send(request);
  expect_success(answer);
  return std::move(answer.body);
}

void expect_success(const HttpAnswer& answer) {
  if (!answer.ok()) throw CommandFailed(ExitCode::refused, refusal_text(answer));
}

std::string refusal_text(const HttpAnswer& answer) {
  if (!answer.content_type.starts_with("application/problem+json")) {
    return fmt::format("the server answered {}; is --url right?", answer.status);
  }
  const JsonObject problem(answer.body);
  const auto detail = problem.has("detail") ? problem.text("detail") : problem.text("title");
  std::string text = fmt::format("{} {}: {}", answer.status, problem.text("code"), printable(detail));
  for (const auto& error : problem.objects("errors")) {
    if (detail.starts_with(error.text("field") + ": ")) continue;
    text += fmt::format("\n  {}: {}", printable(error.text("field")), printable(error.text("message")));
  }
  if (!answer.retry_after.empty()) text += fmt::format("\n  try again in {} s", answer.retry_after);
  return text;
}

Target& Target::with(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_ += text_.find('?') == std::string::npos ? '?' : '&';
  text_ += fmt::format("{}={}", name, percent_encode(value));
  return *this;
}

}  // namespace eventbus::cli
