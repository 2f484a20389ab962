#include "request_maker.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <stdexcept>

namespace fuzz {
namespace {

constexpr std::array tokens = {R"({)",
                               R"(})",
                               R"([)",
                               R"(])",
                               R"(")",
                               R"(,)",
                               R"(:)",
                               R"(\u0000)",
                               R"(\ud800)",
                               R"(\ud83d\ude00)",
                               R"(null)",
                               R"(true)",
                               R"(-0)",
                               R"(1e999)",
                               R"(9223372036854775808)",
                               R"(0.1e-400)",
                               R"(123456789012345678901234567890.123456789012345678901234567890)",
                               "\xff",
                               "\xc0\xaf",
                               "\xed\xa0\x80",
                               "\xf0\x9f\x98\x80",
                               "\xef\xbb\xbf",
                               "\x7f",
                               "\r\n",
                               "\n",
                               "\t",
                               R"("event_type":"a")",
                               R"("payload":{})",
                               R"("event_id":"1")",
                               R"("ordering_key":"k")",
                               R"("delivery_ids":[])",
                               R"("max":1)",
                               R"("timestamp":"2026-02-30T00:00:00Z")",
                               R"("bindings":[{"routing_key":"#"}])",
                               R"("start_from":"beginning")",
                               "*",
                               "#",
                               ".",
                               "..",
                               "-1",
                               "2026-01-01T00:00:00Z",
                               "0001-01-01T00:00:00+23:59",
                               "9999-12-31T23:59:59.999999Z",
                               "%00",
                               "%ff",
                               "%2e%2e%2f",
                               "&",
                               "=",
                               "+",
                               "//"};
constexpr std::array values = {"",
                               "a",
                               "user.*",
                               "order.#",
                               "#",
                               "a..b",
                               "1",
                               "0",
                               "-1",
                               "7",
                               "99999999999999999999",
                               "1e5",
                               "asc",
                               "desc",
                               "now",
                               "beginning",
                               "2020-01-01T00:00:00Z",
                               "2020-01-01T00:00:00+02:00",
                               "yesterday",
                               "k",
                               "true",
                               "false",
                               "published",
                               "stored",
                               "{}",
                               R"({"n":1})",
                               "[",
                               "\xff",
                               "x\ny",
                               "ünïcode"};
constexpr std::array queues = {"q0", "q1", "q2", "q3", "q4", "ordered", "tiny", "nobody"};
constexpr std::array types = {"a", "user.created", "order.eu.paid", "order.eu", "x.y.z.w"};
constexpr std::array media = {"application/json",
                              "application/json",
                              "application/json",
                              "application/x-ndjson",
                              "application/cloudevents+json",
                              "application/cloudevents-batch+json",
                              "application/json; charset=utf-8",
                              "text/plain",
                              "*/*",
                              ""};
constexpr std::array extra_headers = {"Accept: application/x-ndjson",
                                      "Accept: text/event-stream",
                                      "Accept: */*",
                                      "X-Correlation-ID: c-1",
                                      "X-Correlation-ID: \xff\xfe",
                                      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      "traceparent: 00-zz",
                                      "Expect: 100-continue",
                                      "Expect: 200-ok",
                                      "Content-Encoding: gzip",
                                      "Last-Event-ID: nonsense",
                                      "ce-specversion: 1.0",
                                      "ce-id: %41%zz",
                                      "ce-type: a",
                                      "ce-source: /x",
                                      "ce-time: never",
                                      "ce-partitionkey: %F0%9F",
                                      "Connection: keep-alive",
                                      "Cookie: a=b",
                                      "Authorization: Bearer x",
                                      "Range: bytes=0-1",
                                      "If-None-Match: *",
                                      "Upgrade: websocket",
                                      "TE: trailers",
                                      "X-HTTP-Method-Override: DELETE"};
constexpr std::array garbage_requests = {
    "GET / HTTP/1.1\r\n\r\n",
    "\r\n\r\n\r\n",
    "GET /health HTTP/2.0\r\nHost: x\r\n\r\n",
    "GET /health\r\n\r\n",
    "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    "GET /health HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
    "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};

unsigned weight_of(std::string_view method, std::string_view path) {
  if (path == "/events" && method == "POST") return 60;
  if (path == "/events/batch" || path.ends_with("/receive") || path.ends_with("/ack")) return 20;
  if (path == "/metrics" || path == "/openapi.json" || path == "/docs" || path == "/events/stream") return 1;
  return 8;
}

}  // namespace

std::vector<Route> routes_of(std::string_view openapi) {
  auto document = boost::json::parse(openapi);
  std::vector<Route> routes;
  for (const auto& [path, item] : document.at("paths").as_object()) {
    for (const auto& [method, operation] : item.as_object()) {
      if (method == "parameters" || !operation.is_object()) continue;
      Route route;
      for (char c : method) route.method += static_cast<char>(std::toupper(c));
      route.path = path;
      route.weight = weight_of(route.method, route.path);
      if (const auto* parameters = operation.as_object().if_contains("parameters")) {
        for (const auto& parameter : parameters->as_array()) {
          if (parameter.as_object().contains("name")) route.query.emplace_back(parameter.at("name").as_string());
        }
      }
      routes.push_back(std::move(route));
    }
  }
  if (routes.empty()) throw std::runtime_error("the OpenAPI document has no routes");
  return routes;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_') {
      out += static_cast<char>(c);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", c);
    }
  }
  return out;
}

RequestMaker::RequestMaker(std::vector<Route> routes, std::uint64_t seed) : routes_(std::move(routes)), random_(seed) {
  for (std::size_t n = 0; n < routes_.size(); ++n) lots_.insert(lots_.end(), routes_[n].weight, n);
}

void RequestMaker::learn(std::string_view answer) {
  auto gather = [&](std::string_view key, std::deque<std::string>& known) {
    auto at = answer.find(key);
    if (at == std::string_view::npos) return;
    at += key.size();
    known.emplace_back(answer.substr(at, answer.find('"', at) - at));
    if (known.size() > 64) known.pop_front();
  };
  gather("\"delivery_id\":\"", deliveries_);
  gather("cursor\":\"", cursors_);
  gather("\"event_id\":\"", events_);
}

std::string RequestMaker::known(const std::deque<std::string>& names) {
  return names.empty() ? "nothing" : pick(names);
}

std::string RequestMaker::value() {
  if (chance(4)) return known(cursors_);
  std::string text = pick(values);
  if (chance(8)) mutate(text);
  return text;
}

void RequestMaker::mutate(std::string& text) {
  for (auto turns = 1 + random_() % 4; turns > 0; --turns) {
    auto at = text.empty() ? 0 : random_() % text.size();
    switch (random_() % 6) {
      case 0:
        text.insert(at, pick(tokens));
        break;
      case 1:
        text.erase(at, 1 + random_() % 4);
        break;
      case 2:
        if (!text.empty()) text[at] = static_cast<char>(random_());
        break;
      case 3:
        text.insert(at, text.substr(at, random_() % 40));
        break;
      case 4:
        text.resize(at);
        break;
      default:
        if (chance(50)) text.insert(at, std::string(random_() % 5000, "[{\"0 a"[random_() % 6]));
    }
  }
}

std::string RequestMaker::event() {
  auto text = fmt::format(R"({{"event_type":"{}","payload":{{"n":{},"text":"grün"}})", pick(types), random_() % 100);
  if (!chance(20)) text += fmt::format(R"(,"event_id":"f-{}")", random_() % 3000);
  if (chance(2)) text += fmt::format(R"(,"ordering_key":"k{}")", random_() % 5);
  if (chance(4)) text += R"(,"timestamp":"2026-01-02T03:04:05.678+02:00")";
  if (chance(8)) text += R"(,"correlation_id":"c","exchange":"shop","routing_key":"eu.x")";
  if (chance(30)) text += R"(,"colour":"red")";
  return text + "}";
}

std::string RequestMaker::path_of(const Route& route) {
  auto path = route.path;
  for (auto open = path.find('{'); open != std::string::npos; open = path.find('{', open + 1)) {
    auto close = path.find('}', open);
    std::string text = path.substr(open, close - open) == "{event_id" ? known(events_) : std::string(pick(queues));
    if (chance(40)) mutate(text);
    path.replace(open, close - open + 1, chance(60) ? text.substr(0, 3) : percent_encoded(text));
    if (path.find_first_of(" \r\n\t#?") != std::string::npos) return "/odd";
  }
  if (chance(100)) path += pick(tokens)[0] == '/' ? "//" : "/extra";
  return path;
}

std::string RequestMaker::query_of(const Route& route) {
  std::string query;
  if (route.query.empty() && !chance(20)) return query;
  for (auto count = random_() % 4; count > 0; --count) {
    std::string name = route.query.empty() || chance(30) ? std::string(pick(values)) : pick(route.query);
    if (name == "payload" && !chance(50)) continue;
    auto text = name == "limit" && !chance(10) ? std::to_string(random_() % 20) : value();
    query += (query.empty() ? "?" : "&") + percent_encoded(name) + "=" + percent_encoded(text);
  }
  return query;
}

std::string RequestMaker::body_of(const Route& route) {
  if (route.method == "GET" || route.method == "HEAD") return "";
  std::string body;
  if (route.path == "/events") {
    body = event();
  } else if (route.path == "/events/batch") {
    body = "{\"events\":[" + event();
    for (auto more = random_() % 5; more > 0; --more) body += "," + event();
    body += "]}";
    if (chance(3)) body = event() + "\n" + event() + "\n\n" + event();
  } else if (route.path == "/queues/{queue}") {
    if (route.method == "DELETE" && !chance(20)) return "";
    body = fmt::format(
        R"({{"bindings":[{{"routing_key":"{}"}}],"max_retries":{},"retry_delay_ms":{},"ordered":{},"max_length":{},)"
        R"("overflow":"drop_oldest","message_ttl_ms":{},"lease_ms":{},"start_from":"now"}})",
        pick(std::array{"user.*", "order.#", "a", "#"}), random_() % 4, random_() % 50, chance(2), 1 + random_() % 500,
        100 + random_() % 10000, 1 + random_() % 1000);
  } else if (route.path == "/mode") {
    body = R"({"mode":"normal"})";
  } else if (route.path.ends_with("/receive")) {
    body = fmt::format(R"({{"max":{},"wait_ms":{}}})", 1 + random_() % 20, random_() % 3);
  } else if (route.path.ends_with("/ack") || route.path.ends_with("/nack") || route.path.ends_with("/extend")) {
    body = fmt::format(R"({{"delivery_ids":["{}","{}"])", known(deliveries_), known(deliveries_));
    if (route.path.ends_with("/nack"))
      body += fmt::format(R"(,"requeue":{},"delay_ms":{},"reason":"r")", chance(2), random_() % 20);
    if (route.path.ends_with("/extend")) body += fmt::format(R"(,"lease_ms":{})", 1 + random_() % 500);
    body += "}";
  } else if (route.path.find("dead-letters") != std::string::npos) {
    body = chance(2) ? R"({"all":true,"dry_run":false})"
                     : fmt::format(R"({{"event_ids":["{}"],"events_per_second":{}}})", known(events_), random_() % 9);
  }
  if (chance(3)) mutate(body);
  return body;
}

std::string RequestMaker::headers_of(const Route& route, const std::string& body) {
  std::string headers = "Host: fuzz\r\n";
  bool wants_body = route.method != "GET" && route.method != "HEAD";
  if (wants_body && !chance(100)) {
    std::string_view type = chance(12) ? pick(media) : "application/json";
    if (route.path == "/events/batch" && !body.starts_with("{\"events\"") && !chance(10)) type = "application/x-ndjson";
    headers += fmt::format("Content-Type: {}\r\n", type);
  }
  while (chance(4)) headers += fmt::format("{}\r\n", pick(extra_headers));
  return headers;
}

RequestMaker::Made RequestMaker::request() {
  const auto& route = routes_[pick(lots_)];
  auto method = chance(60)
                    ? std::string(pick(std::array{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"}))
                    : route.method;
  auto body = body_of(route);
  Made made;
  made.head = method == "HEAD";
  made.bytes = method + " " + path_of(route) + query_of(route) + " HTTP/1.1\r\n" + headers_of(route, body);
  if (body.empty() || !chance(10)) {
    if (!body.empty() || method != "GET") made.bytes += fmt::format("Content-Length: {}\r\n", body.size());
    made.bytes += "\r\n" + body;
    return made;
  }
  auto split = random_() % body.size();
  made.bytes += "Transfer-Encoding: chunked\r\n\r\n";
  for (const auto& part : {body.substr(0, split), body.substr(split)}) {
    if (!part.empty()) made.bytes += fmt::format("{:x}\r\n{}\r\n", part.size(), part);
  }
  made.bytes += "0\r\n\r\n";
  return made;
}

RequestMaker::Made RequestMaker::garbage() {
  std::string bytes = chance(2) ? std::string(pick(garbage_requests)) : request().bytes;
  mutate(bytes);
  return {std::move(bytes), false, false};
}

}  // namespace fuzz
