#include "eventbus/http/docs_page.hpp"

#include <algorithm>
#include <set>

#include "eventbus/http/openapi.hpp"

namespace eventbus {
namespace {

constexpr std::string_view page_head = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Event Bus API</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
code,pre{font:14px/1.4 ui-monospace,monospace;background:#f2f4f6;border-radius:4px}code{padding:.1em .3em}pre{padding:.7em;overflow:auto}
h2{border-bottom:1px solid #ccc;margin-top:2.5rem}h3{margin-bottom:.2rem}table{border-collapse:collapse}
td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#15181b;color:#ddd}code,pre{background:#24292e}a{color:#8bf}}
</style></head><body><h1>Event Bus API</h1>
<p>JSON in and out, UTF-8. Every answer carries <code>X-Correlation-ID</code>: yours, or a new one. HEAD works wherever GET does.
The same as OpenAPI 3.1: <a href="/openapi.json">/openapi.json</a>.</p>
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string code(std::string_view text) {
  return "<code>" + escaped(text) + "</code>";
}

void append_parameters(std::string& out, const Route& route) {
  if (route.parameters.empty()) return;
  out += "<table><tr><th>Parameter</th><th>What it does</th><th>Schema</th></tr>\n";
  for (const auto& parameter : route.parameters) {
    out += "<tr><td>" + code(parameter.name);
    if (parameter.place == ParameterDoc::Place::header) out += " (header)";
    out += "</td><td>" + escaped(parameter.description) + "</td><td>" + code(parameter.schema) + "</td></tr>\n";
  }
  out += "</table>\n";
}

void append_body(std::string& out, const Route& route) {
  for (const auto& format : route.body) {
    out += "<p>Body " + code(format.media_type) + (route.body_required ? "" : " (may be left out)") + ":</p>\n<pre>";
    out += escaped(format.example) + "</pre>\n";
  }
}

void append_answers(std::string& out, const Route& route) {
  out += "<table><tr><th>Status</th><th>Meaning</th></tr>\n";
  for (const auto& answer : route.answers) {
    out += "<tr><td>" + std::to_string(answer.status) + "</td><td>" + escaped(answer.description);
    if (!answer.media_type.empty()) out += " " + code(answer.media_type);
    out += "</td></tr>\n";
  }
  out += "<tr><td>else</td><td>";
  for (const auto error : errors_of(route)) {
    const std::string name(describe(error).name);
    out.append("<a href=\"#error-").append(name).append("\">").append(name).append("</a> ");
  }
  out += "</td></tr></table>\n";
}

void append_route(std::string& out, const Route& route) {
  out.append("<h3 id=\"").append(route.operation_id).append("\">");
  out += code(std::string(http::to_string(route.method)) + " " + std::string(route.path)) + "</h3>\n<p><b>";
  out += escaped(route.summary) + ".</b> " + escaped(route.description) + "</p>\n";
  append_parameters(out, route);
  append_body(out, route);
  append_answers(out, route);
}

void append_errors(std::string& out, const std::vector<Route>& routes) {
  std::set<ErrorCode> codes{ErrorCode::not_found, ErrorCode::method_not_allowed};
  for (const auto& route : routes) {
    const auto errors = errors_of(route);
    codes.insert(errors.begin(), errors.end());
  }
  out +=
      "<h2>Errors</h2>\n<p>RFC 9457 <code>application/problem+json</code>: type, title, status, detail, code, "
      "correlation_id, "
      "and errors with field and message where fields are at fault. 429 and 503 carry <code>Retry-After</code>.</p>\n"
      "<table><tr><th>Status</th><th>Code</th><th>Title</th></tr>\n";
  for (const auto error : codes) {
    const auto [status, name, title] = describe(error);
    out += "<tr id=\"error-" + std::string(name) + "\"><td>" + std::to_string(status) + "</td><td>" + code(name) +
           "</td><td>" + escaped(title) + "</td></tr>\n";
  }
  out += "</table>\n";
}

}  // namespace

std::string docs_page(const std::vector<Route>& routes) {
  std::string out(page_head);
  std::string_view tag;
  for (const auto& route : routes) {
    if (route.tag != tag) out += "<h2>" + escaped(route.tag) + "</h2>\n";
    tag = route.tag;
    append_route(out, route);
  }
  append_errors(out, routes);
  out += "</body></html>\n";
  return out;
}

}  // namespace eventbus
