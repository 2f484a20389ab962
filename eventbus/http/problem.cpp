#include "eventbus/http/problem.hpp"

#include "eventbus/core/json.hpp"

namespace eventbus {
namespace {

void append_fields(std::string& out, const std::vector<FieldError>& fields) {
  if (fields.empty()) return;
  out += R"(,"errors":[)";
  for (const auto& field : fields) {
    if (&field != &fields.front()) out += ',';
    out += R"({"field":)";
    append_json_string(out, field.field);
    out += R"(,"message":)";
    append_json_string(out, field.message);
    out += '}';
  }
  out += ']';
}

}  // namespace

void append_problem(std::string& out, const Error& error, std::string_view correlation_id, std::string_view extension) {
  const auto description = describe(error.code);
  out += R"({"type":"/docs#error-)";
  out += description.name;
  out += R"(","title":)";
  append_json_string(out, description.title);
  out += R"(,"status":)" + std::to_string(description.status) + R"(,"detail":)";
  append_json_string(out, error.detail);
  out += R"(,"code":")";
  out += description.name;
  out += R"(","correlation_id":)";
  append_json_string(out, correlation_id);
  append_fields(out, error.fields);
  out += extension;
  out += '}';
}

bool retryable(ErrorCode code) {
  const auto status = describe(code).status;
  return status == 429 || status == 503;
}

void append_event_error(std::string& out, const Error& error, const TextPlace& place) {
  out += R"({"code":")";
  out += describe(error.code).name;
  out += R"(","detail":)";
  append_json_string(out, error.detail);
  out += retryable(error.code) ? R"(,"retryable":true)" : R"(,"retryable":false)";
  out += R"(,"line":)" + std::to_string(place.line) + R"(,"column":)" + std::to_string(place.column);
  append_fields(out, error.fields);
  out += '}';
}

}  // namespace eventbus
