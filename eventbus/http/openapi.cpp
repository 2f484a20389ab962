#include "eventbus/http/openapi.hpp"

#include <algorithm>
#include <map>

#include "eventbus/core/json.hpp"
#include "eventbus/http/media_type.hpp"

namespace eventbus {
namespace {

/// Appends JSON objects and arrays with the commas in the right places.
class JsonText {
 public:
  explicit JsonText(std::string& out) : out_(out) {}
  JsonText& open(char bracket) { return begin_value(), out_ += bracket, *this; }
  JsonText& close(char bracket) { return out_ += bracket, *this; }
  JsonText& key(std::string_view name) { return begin_value(), append_json_string(out_, name), out_ += ':', *this; }
  JsonText& string(std::string_view value) { return begin_value(), append_json_string(out_, value), *this; }
  JsonText& raw(std::string_view json) { return begin_value(), out_ += json, *this; }
  JsonText& member(std::string_view name, std::string_view value) { return key(name).string(value); }

 private:
  void begin_value() {
    if (!out_.empty() &&
        (out_.back() == '}' || out_.back() == ']' || out_.back() == '"' || std::isalnum(out_.back()) != 0)) {
      out_ += ',';
    }
  }
  std::string& out_;
};

std::string plain_path(std::string_view path) {
  std::string plain(path);
  if (const auto dots = plain.find("...}"); dots != std::string::npos) plain.erase(dots, 3);
  return plain;
}

std::string_view path_parameter(std::string_view path) {
  const auto open = path.find('{');
  if (open == std::string_view::npos) return {};
  return path.substr(open + 1, path.find_first_of(".}", open) - open - 1);
}

void append_content(JsonText& json, std::string_view media_type, std::string_view schema,
                    std::string_view example = {}) {
  json.key(media_type).open('{');
  if (!schema.empty()) json.key("schema").raw(schema);
  if (media_type == json_type && !example.empty()) {
    json.key("example").raw(example);
  } else if (!example.empty()) {
    json.member("example", example);
  }
  json.close('}');
}

std::string_view schema_of_path_parameter(std::string_view name) {
  if (name == "queue") return R"({"$ref":"#/components/schemas/QueueName"})";
  return R"({"type":"string","minLength":1,"maxLength":255})";
}

void append_parameters(JsonText& json, const Route& route) {
  json.key("parameters").open('[');
  if (const auto name = path_parameter(route.path); !name.empty()) {
    json.open('{').member("name", name).member("in", "path").key("required").raw("true");
    json.key("schema").raw(schema_of_path_parameter(name)).close('}');
  }
  for (const auto& parameter : route.parameters) {
    json.open('{').member("name", parameter.name);
    json.member("in", parameter.place == ParameterDoc::Place::query ? "query" : "header");
    if (parameter.required) json.key("required").raw("true");
    json.member("description", parameter.description).key("schema").raw(parameter.schema).close('}');
  }
  json.raw(R"({"$ref":"#/components/parameters/CorrelationId"})").close(']');
}

void append_body(JsonText& json, const Route& route) {
  if (route.body.empty()) return;
  json.key("requestBody")
      .open('{')
      .key("required")
      .raw(route.body_required ? "true" : "false")
      .key("content")
      .open('{');
  for (const auto& format : route.body) append_content(json, format.media_type, format.schema, format.example);
  json.close('}').close('}');
}

/// The text and the contents of one status: several answers and errors may share it.
struct StatusAnswer {
  std::string description;
  std::vector<std::pair<std::string_view, std::string_view>> contents;
  std::vector<std::string_view> headers;
};

/// The headers that every answer of a status has.
std::vector<std::string_view> headers_of(int status) {
  if (status == 405) return {"X-Correlation-ID", "Allow"};
  if (status == 429 || status == 503) return {"X-Correlation-ID", "Retry-After"};
  return {"X-Correlation-ID"};
}

void describe_more(std::string& description, std::string_view text) {
  if (!description.empty() && !text.empty()) description += ' ';
  description += text;
}

std::map<int, StatusAnswer> answers_by_status(const Route& route) {
  std::map<int, StatusAnswer> answers;
  for (const auto& answer : route.answers) {
    auto& status = answers[answer.status];
    describe_more(status.description, answer.description);
    if (!answer.media_type.empty()) status.contents.emplace_back(answer.media_type, answer.schema);
    if (!answer.header.empty()) status.headers.push_back(answer.header);
  }
  for (const auto code : errors_of(route)) {
    const auto error = describe(code);
    auto& status = answers[error.status];
    describe_more(status.description, "`" + std::string(error.name) + "`: " + std::string(error.title) + ".");
    const auto is_problem = [](const auto& content) { return content.first == problem_type; };
    if (std::ranges::none_of(status.contents, is_problem)) {
      status.contents.emplace_back(problem_type, R"({"$ref":"#/components/schemas/Problem"})");
    }
  }
  return answers;
}

void append_headers(JsonText& json, int status, const StatusAnswer& answer) {
  auto names = headers_of(status);
  names.insert(names.end(), answer.headers.begin(), answer.headers.end());
  json.key("headers").open('{');
  for (const auto name : names)
    json.key(name).open('{').member("$ref", "#/components/headers/" + std::string(name)).close('}');
  json.close('}');
}

void append_answers(JsonText& json, const Route& route) {
  json.key("responses").open('{');
  for (const auto& [status, answer] : answers_by_status(route)) {
    json.key(std::to_string(status)).open('{').member("description", answer.description);
    append_headers(json, status, answer);
    if (!answer.contents.empty()) {
      json.key("content").open('{');
      for (const auto& [type, schema] : answer.contents) append_content(json, type, schema);
      json.close('}');
    }
    json.close('}');
  }
  json.close('}');
}

void append_operation(JsonText& json, const Route& route) {
  std::string method(http::to_string(route.method));
  std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c + ('a' - 'A')); });
  json.key(method).open('{').member("operationId", route.operation_id).member("summary", route.summary);
  if (!route.description.empty()) json.member("description", route.description);
  json.key("tags").open('[').string(route.tag).close(']');
  append_parameters(json, route);
  append_body(json, route);
  append_answers(json, route);
  json.close('}');
}

void append_paths(JsonText& json, const std::vector<Route>& routes) {
  std::vector<std::string_view> paths;
  for (const auto& route : routes) {
    if (std::ranges::find(paths, route.path) == paths.end()) paths.push_back(route.path);
  }
  json.key("paths").open('{');
  for (const auto path : paths) {
    json.key(plain_path(path)).open('{');
    for (const auto& route : routes) {
      if (route.path == path) append_operation(json, route);
    }
    json.close('}');
  }
  json.close('}');
}

void append_components(JsonText& json) {
  json.key("components").open('{').key("schemas").open('{');
  for (const auto& [name, schema] : component_schemas()) json.key(name).raw(schema);
  json.close('}')
      .key("parameters")
      .raw(
          R"({"CorrelationId":{"name":"X-Correlation-ID","in":"header","description":"1 to 255 visible ASCII characters; comes back in the answer.","schema":{"type":"string","minLength":1,"maxLength":255,"pattern":"^[!-~]+$"}}})");
  json.key("headers").raw(
      R"({"X-Correlation-ID":{"required":true,"description":"The request's, or a generated one.","schema":{"type":"string","minLength":1,"maxLength":255,"pattern":"^[!-~]+$"}},)"
      R"("Location":{"required":true,"description":"The event's path, percent-encoded.","schema":{"type":"string","format":"uri-reference","pattern":"^/events/"}},)"
      R"("Retry-After":{"required":true,"description":"Seconds until it is worth trying again.","schema":{"type":"integer","minimum":1}},)"
      R"("Allow":{"required":true,"description":"The methods that the path answers.","schema":{"type":"string"}}})");
  json.close('}');
}

}  // namespace

std::vector<ErrorCode> errors_of(const Route& route) {
  auto errors = common_errors();
  if (!route.body.empty()) {
    const auto more = body_errors();
    errors.insert(errors.end(), more.begin(), more.end());
  }
  errors.insert(errors.end(), route.errors.begin(), route.errors.end());
  std::ranges::stable_sort(errors, {}, [](ErrorCode code) { return describe(code).status; });
  errors.erase(std::unique(errors.begin(), errors.end()), errors.end());
  return errors;
}

std::string openapi_document(const std::vector<Route>& routes) {
  std::string out;
  JsonText json(out);
  json.open('{').member("openapi", "3.1.0").key("info").open('{').member("title", "Event Bus").member("version", "1");
  json.member("description",
              "Publish immutable events, read them back, consume them from durable queues at least once.");
  json.key("license").raw(R"({"name":"MIT","identifier":"MIT"})").close('}');
  json.key("servers").raw(R"([{"url":"/"}])");
  append_paths(json, routes);
  append_components(json);
  json.close('}');
  return out;
}

}  // namespace eventbus
