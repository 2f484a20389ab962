#include <gtest/gtest.h>

#include "eventbus/http/test_service.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view accept_ndjson = "Accept: application/x-ndjson\r\n";

void publish(TestConnection& client, int first, int count, const std::string& type = "user.created") {
  std::string text;
  for (int i = first; i < first + count; ++i) {
    text += R"({"event_type":")" + type + R"(","event_id":"e-)" + std::to_string(i) +
            R"(","timestamp":"2026-01-01T00:00:00Z","payload":{"n":)" + std::to_string(i) + "}}\n";
  }
  ASSERT_EQ(client.request("POST", "/events/batch", text, "Content-Type: application/x-ndjson\r\n").status, 201);
}

/// Reads a stream up to the event with this id and returns the text before it.
std::string event_id_member(int number) {
  return "\"event_id\":\"e-" + std::to_string(number) + "\"";
}

std::string read_to(TestConnection& stream, int number) {
  return stream.read_until(event_id_member(number));
}

TEST(ListEvents, FiltersAndPages) {
  TestService service;
  TestConnection client(service.port());
  publish(client, 0, 5);
  publish(client, 5, 5, "order.paid");
  EXPECT_EQ(body_of(client.request("GET", "/events")).at("events").as_array().size(), 10U);
  EXPECT_EQ(body_of(client.request("GET", "/events?event_type=order.%23")).at("events").as_array().size(), 5U);
  EXPECT_EQ(body_of(client.request("GET", "/events?payload=%7B%22n%22%3A7%7D")).at("events").as_array().size(), 1U);
  EXPECT_EQ(body_of(client.request("GET", "/events?start_time=2026-01-01T02:00:00+02:00&end_time=2026-01-01T00:00:00Z"))
                .at("events")
                .as_array()
                .size(),
            10U);
  auto page = body_of(client.request("GET", "/events?limit=6&order=desc"));
  EXPECT_EQ(page.at("events").as_array()[0].as_object().at("event_id").as_string(), "e-9");
  const std::string cursor(page.at("next_cursor").as_string());
  page = body_of(client.request("GET", "/events?limit=6&cursor=" + cursor));
  EXPECT_EQ(page.at("events").as_array().size(), 4U);
  EXPECT_TRUE(page.at("next_cursor").is_null());
  EXPECT_EQ(client.request("GET", "/events?order=asc&cursor=" + cursor).status, 422);
}

TEST(ListEvents, NamesEveryWrongParameter) {
  TestService service;
  TestConnection client(service.port());
  const auto answer = client.request(
      "GET", "/events?limit=0&start_time=now&event_type=a..b&payload=%5B%5D&cursor=x&order=up&ordering_key=");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(body_of(answer).at("errors").as_array().size(), 7U) << answer.body;
  EXPECT_EQ(client.request("GET", "/events", {}, "Accept: text/html\r\n").status, 406);
  EXPECT_EQ(client.request("GET", "/events/%ff").status, 422);
}

TEST(ListEvents, NdjsonStreamsEverythingOrUpToTheLimit) {
  TestService service;
  TestConnection client(service.port());
  publish(client, 0, 1700);
  const auto all = client.request("GET", "/events", {}, accept_ndjson);
  EXPECT_EQ(all.headers.at("content-type"), "application/x-ndjson");
  EXPECT_EQ(std::ranges::count(all.body, '\n'), 1700);
  const auto some = client.request("GET", "/events?limit=600", {}, accept_ndjson);
  EXPECT_EQ(std::ranges::count(some.body, '\n'), 600);
  EXPECT_EQ(client.request("GET", "/events?event_type=nobody", {}, accept_ndjson).body, "");
}

TEST(StreamEvents, CatchesUpThenGoesOnLive) {
  TestService service;
  TestConnection client(service.port());
  publish(client, 0, 600);
  TestConnection stream(service.port());
  stream.send(request_text("GET", "/events/stream?from=beginning"));
  EXPECT_EQ(stream.read_until("\r\n\r\n").find("HTTP/1.1 200"), 0U);
  const auto first = stream.read_until("\n\nid: ");
  EXPECT_NE(first.find("event: user.created\ndata: {"), std::string::npos) << first;
  read_to(stream, 599);
  publish(client, 600, 1);
  read_to(stream, 600);
}

TEST(StreamEvents, ResumesBehindTheLastEventId) {
  TestService service;
  TestConnection client(service.port());
  publish(client, 0, 10);
  const std::string cursor(body_of(client.request("GET", "/events/e-6")).at("cursor").as_string());
  for (const auto& request :
       {request_text("GET", "/events/stream?from=beginning", {}, "Last-Event-ID: " + cursor + "\r\n"),
        request_text("GET", "/events/stream?from=" + cursor)}) {
    TestConnection stream(service.port());
    stream.send(request);
    const auto before = read_to(stream, 7);
    EXPECT_EQ(before.find(event_id_member(6)), std::string::npos);
  }
}

TEST(StreamEvents, KeepsASilentStreamAliveAndSelectsByType) {
  TestService service({.heartbeat = 20ms});
  TestConnection client(service.port());
  TestConnection stream(service.port());
  stream.send(request_text("GET", "/events/stream?event_type=order.%23"));
  stream.read_until(": heartbeat\n\n");
  publish(client, 0, 5);
  publish(client, 5, 1, "order.paid");
  EXPECT_EQ(read_to(stream, 5).find(event_id_member(0)), std::string::npos);
}

TEST(StreamEvents, RefusesWrongPlaces) {
  TestService service;
  TestConnection client(service.port());
  for (const auto* query : {"from=yesterday", "from=", "event_type=a..b", "colour=red"}) {
    EXPECT_EQ(client.request("GET", std::string("/events/stream?") + query).status, 422) << query;
  }
  EXPECT_EQ(client.request("GET", "/events/stream", {}, "Last-Event-ID: nonsense\r\n").status, 422);
  EXPECT_EQ(client.request("HEAD", "/events/stream").headers.at("content-type"), "text/event-stream");
}

TEST(StreamEvents, EndWhenTheClientLeavesOrTheServiceDrains) {
  TestService service;
  TestConnection client(service.port());
  TestConnection stream(service.port());
  stream.send(request_text("GET", "/events/stream"));
  stream.read_until("begins\n\n");
  {
    TestConnection leaving(service.port());
    leaving.send(request_text("GET", "/events/stream"));
    leaving.read_until("begins\n\n");
  }
  wait_until("connections to be 2", [&] {
    return client.request("GET", "/metrics").body.find("eventbus_http_connections 2\n") != std::string::npos;
  });
  service.stop(20s);
  EXPECT_EQ(stream.read_until("0\r\n\r\n").find("data:"), std::string::npos);
  EXPECT_TRUE(stream.closed());
  service.wait();
}

TEST(Operations, TellWhatTheProbesNeed) {
  TestService service;
  TestConnection client(service.port());
  EXPECT_EQ(client.request("GET", "/health").body, R"({"status":"healthy","service":"event-bus"})");
  EXPECT_EQ(client.request("GET", "/ready").body, R"({"status":"ready","broker":"embedded","store":"memory"})");
  service.set_ready(false);
  const auto waiting = client.request("GET", "/ready");
  EXPECT_EQ(waiting.status, 503);
  EXPECT_EQ(body_of(waiting).at("status").as_string(), "not ready");
  EXPECT_EQ(client.request("GET", "/mode").body, R"({"mode":"normal"})");
  const auto metrics = client.request("GET", "/metrics");
  EXPECT_NE(metrics.body.find(R"(eventbus_http_requests_total{method="GET",route="/ready",status="503"} 1)"),
            std::string::npos)
      << metrics.body;
  EXPECT_NE(client.request("GET", "/docs").body.find("<!doctype html>"), std::string::npos);
}

}  // namespace
}  // namespace eventbus
