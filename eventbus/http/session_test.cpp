#include <gtest/gtest.h>

#include "eventbus/http/test_service.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view event = R"({"event_type":"a"})";
constexpr std::string_view chunked_json = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";

std::string chunked_event(std::string_view event_text = event) {
  std::array<char, 17> size{};
  std::snprintf(size.data(), size.size(), "%zx", event_text.size());
  return request_text("POST", "/events", {}, chunked_json) + size.data() + "\r\n" + std::string(event_text) +
         "\r\n0\r\n\r\n";
}

TEST(Session, EveryAnswerCarriesACorrelationId) {
  TestService service;
  TestConnection client(service.port());
  for (const auto* target : {"/health", "/nowhere", "/events?x=1"}) {
    EXPECT_FALSE(client.request("GET", target).headers["x-correlation-id"].empty()) << target;
    EXPECT_EQ(client.request("GET", target, {}, "X-Correlation-ID: mine\r\n").headers["x-correlation-id"], "mine")
        << target;
  }
  const std::string unfit = "X-Correlation-ID: " + std::string(256, 'x') + "\r\n";
  EXPECT_EQ(client.request("GET", "/health", {}, unfit).headers["x-correlation-id"].size(), 36U);
  EXPECT_EQ(client.request("GET", "/health", {}, "X-Correlation-ID: a b\r\n").headers["x-correlation-id"].size(), 36U);
}

TEST(Session, PipelinedRequestsAreAnsweredInOrder) {
  TestService service;
  TestConnection client(service.port());
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests += request_text("GET", "/health") + request_text("POST", "/events", event) +
                request_text("GET", "/nowhere") + chunked_event();
  }
  client.send(requests);
  for (int i = 0; i < 100; ++i) {
    for (const int status : {200, 201, 404, 201}) ASSERT_EQ(client.answer().status, status);
  }
}

TEST(Session, ARequestMayComeByteByByte) {
  TestService service;
  TestConnection client(service.port());
  for (const auto& text : {request_text("POST", "/events", event), "\r\n\r\n" + chunked_event()}) {
    for (const char byte : text) client.send(std::string_view(&byte, 1));
    EXPECT_EQ(client.answer().status, 201);
  }
}

TEST(Session, HeadIsGetWithoutABody) {
  TestService service;
  TestConnection client(service.port());
  for (const auto* target : {"/health", "/metrics", "/docs", "/openapi.json", "/events", "/queues", "/nowhere"}) {
    const auto head = client.request("HEAD", target);
    const auto get = client.request("GET", target);
    EXPECT_EQ(head.status, get.status) << target;
    EXPECT_EQ(head.headers.at("content-type"), get.headers.at("content-type")) << target;
    EXPECT_TRUE(head.headers.contains("content-length")) << target;
  }
  EXPECT_EQ(client.request("HEAD", "/events", {}, "Accept: application/x-ndjson\r\n").status, 200);
  EXPECT_EQ(client.request("GET", "/health").status, 200);
}

TEST(Session, OptionsAndWrongMethodsTellWhatIsAllowed) {
  TestService service;
  TestConnection client(service.port());
  const auto options = client.request("OPTIONS", "/queues/q");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("allow"), "DELETE, GET, HEAD, OPTIONS, PUT");
  EXPECT_EQ(client.request("OPTIONS", "*").status, 204);
  EXPECT_EQ(client.request("OPTIONS", "/nowhere").status, 404);
  const auto wrong = client.request("BREW", "/events", "{}");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "GET, HEAD, OPTIONS, POST");
}

TEST(Session, ContinueIsAnsweredOnlyToAcceptableHeaders) {
  TestService service;
  TestConnection client(service.port());
  const std::string expect = "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 18\r\n";
  client.send(request_text("POST", "/events", {}, expect));
  EXPECT_EQ(client.answer().status, 100);
  EXPECT_EQ(client.send(event).answer().status, 201);
  EXPECT_EQ(client.send(request_text("POST", "/events", {}, expect) + std::string(event)).answer().status, 201);
  const auto refused = client.send(request_text("POST", "/nowhere", {}, expect)).answer();
  EXPECT_EQ(refused.status, 404);
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(TestConnection(service.port()).request("POST", "/events", event, "Expect: miracles\r\n").status, 417);
}

TEST(Session, ConnectionsCloseWhenAsked) {
  TestService service;
  TestConnection client(service.port());
  EXPECT_EQ(client.request("GET", "/health", {}, "Connection: close\r\n").headers.at("connection"), "close");
  EXPECT_TRUE(client.closed());
  TestConnection old(service.port());
  EXPECT_EQ(old.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").answer().headers.at("connection"),
            "keep-alive");
  EXPECT_EQ(old.send("GET /events HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n").answer().status, 200);
  EXPECT_TRUE(old.closed());
}

TEST(Session, MalformedHttpIsAProblemAndTheEnd) {
  TestService service;
  for (const std::string text :
       {"GET /health HTTP/1.1\nHost: x\n\n", "GET /health HTTP/1.1\r\n\r\n", "\x16\x03\x01\n",
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"}) {
    TestConnection client(service.port());
    const auto answer = client.send(text + request_text("GET", "/health")).answer();
    EXPECT_EQ(answer.status, 400) << text;
    EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
    EXPECT_TRUE(client.closed()) << text;
  }
}

TEST(Session, BrokenChunksAreAProblemAndTheEnd) {
  TestService service;
  for (const auto* body : {"+5\r\nhello\r\n0\r\n\r\n", "xyz\r\n", "5\r\nhelloX\r\n0\r\n\r\n"}) {
    TestConnection client(service.port());
    client.send(request_text("POST", "/events", {}, chunked_json) + body);
    EXPECT_EQ(client.answer().status, 400) << body;
    EXPECT_TRUE(client.closed()) << body;
  }
}

TEST(Session, LimitsOfTheHead) {
  TestService service;
  const std::string x(20000, 'x');
  EXPECT_EQ(TestConnection(service.port()).request("GET", "/events/" + x).status, 414);
  EXPECT_EQ(TestConnection(service.port()).request("GET", "/health", {}, "X: " + x + "\r\nY: " + x + "\r\n").status,
            431);
  EXPECT_EQ(TestConnection(service.port()).send("GET /" + x).answer().status, 414);
  EXPECT_EQ(TestConnection(service.port()).request("GET", "/health", {}, "X: " + x + "\r\n").status, 200);
}

TEST(Session, LimitsOfTheBody) {
  TestService service({.max_event_bytes = 1000, .max_batch_bytes = 5000, .max_body_bytes = 500});
  const auto padded = [](std::size_t size) { return R"({"event_type":"a"})" + std::string(size - event.size(), ' '); };
  TestConnection client(service.port());
  EXPECT_EQ(client.request("POST", "/events", padded(1000)).status, 201);
  EXPECT_EQ(client.request("POST", "/events", padded(1001)).status, 413);
  EXPECT_EQ(client.request("POST", "/events/batch", padded(5001)).status, 413);
  EXPECT_EQ(client.request("PUT", "/mode", padded(501)).status, 413);
  EXPECT_EQ(client.request("GET", "/health").status, 200)
      << "a small body that was refused leaves the connection usable";
  EXPECT_EQ(client.send(chunked_event(padded(1001))).answer().status, 413);
}

TEST(Session, ALargeRefusedBodyEndsTheConnectionAfterTheAnswer) {
  TestService service;
  TestConnection client(service.port());
  EXPECT_EQ(client.request("POST", "/nowhere", std::string(3 << 20U, ' ')).status, 404);
  EXPECT_TRUE(client.closed());
}

TEST(Session, AnAnswerSaysWhetherARefusedChunkedBodyEndsTheConnection) {
  TestService service;
  TestConnection client(service.port());
  const auto refused = request_text("POST", "/nowhere", {}, chunked_json);
  EXPECT_EQ(client.send(refused + "5\r\nhello\r\n0\r\n\r\n" + request_text("GET", "/health")).answer().status, 404);
  EXPECT_EQ(client.answer().status, 200);
  client.send(refused + "30d40\r\n" + std::string(200'000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(client.answer().headers["connection"], "close");
  EXPECT_TRUE(client.closed());
}

TEST(Session, SlowClientsAreTimedOut) {
  TestService service({.header_timeout = 100ms, .body_timeout = 100ms, .idle_timeout = 200ms});
  EXPECT_TRUE(TestConnection(service.port()).closed());
  for (const auto& text :
       {std::string("G"), request_text("GET", "/health") + "GET /he",
        request_text("POST", "/events", {}, "Content-Type: application/json\r\nContent-Length: 100\r\n") + "{",
        request_text("POST", "/events", {}, chunked_json) + "5\r\nhe"}) {
    TestConnection client(service.port());
    client.send(text);
    auto answer = client.answer();
    if (answer.status == 200) answer = client.answer();
    EXPECT_EQ(answer.status, 408) << text;
    EXPECT_TRUE(client.closed()) << text;
  }
}

TEST(Session, AClientThatTakesNothingIsCutOff) {
  TestService service({.write_timeout = 200ms});
  TestConnection publisher(service.port());
  const auto big = R"({"event_type":"big","payload":{"x":")" + std::string(500000, 'x') + "\"}}";
  for (int i = 0; i < 40; ++i) ASSERT_EQ(publisher.request("POST", "/events", big).status, 201);
  TestConnection reader(service.port());
  reader.shrink_receive_buffer();
  reader.send(request_text("GET", "/events", {}, "Accept: application/x-ndjson\r\n"));
  wait_until("connections to be 1", [&] {
    return publisher.request("GET", "/metrics").body.find("eventbus_http_connections 1\n") != std::string::npos;
  });
}

TEST(Session, ConnectionsHaveALimit) {
  TestService service({.max_connections = 2});
  TestConnection first(service.port());
  EXPECT_EQ(first.request("GET", "/health").status, 200);
  {
    TestConnection second(service.port());
    EXPECT_EQ(second.request("GET", "/health").status, 200);
    TestConnection third(service.port());
    const auto answer = third.answer();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.headers.at("retry-after"), "1");
    EXPECT_TRUE(third.closed());
  }
  wait_until("connections to be 1", [&] {
    return first.request("GET", "/metrics").body.find("eventbus_http_connections 1\n") != std::string::npos;
  });
  EXPECT_EQ(TestConnection(service.port()).request("GET", "/health").status, 200);
}

TEST(Session, RequestsInFlightHaveALimit) {
  TestService service({.max_in_flight = 1});
  TestConnection slow(service.port());
  slow.send(request_text("POST", "/events", {},
                         "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 18\r\n"));
  ASSERT_EQ(slow.answer().status, 100);
  TestConnection other(service.port());
  const auto refused = other.request("POST", "/events", event);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_EQ(other.request("GET", "/health").status, 200);
  EXPECT_EQ(slow.send(event).answer().status, 201);
  EXPECT_EQ(other.request("POST", "/events", event).status, 201);
}

TEST(Session, ADrainFinishesWhatIsInFlightAndClosesTheRest) {
  TestService service;
  TestConnection idle(service.port());
  EXPECT_EQ(idle.request("GET", "/health").status, 200);
  TestConnection busy(service.port());
  busy.send(request_text("POST", "/events", {},
                         "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 18\r\n"));
  ASSERT_EQ(busy.answer().status, 100);
  service.stop(10s);
  EXPECT_TRUE(idle.closed());
  const auto answer = busy.send(event).answer();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(busy.closed());
  service.wait();
}

TEST(Session, ADrainHasAnEnd) {
  TestService service;
  TestConnection busy(service.port());
  busy.send(request_text("POST", "/events", {},
                         "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 18\r\n"));
  ASSERT_EQ(busy.answer().status, 100);
  service.stop(50ms);
  EXPECT_TRUE(busy.closed());
  service.wait();
}

}  // namespace
}  // namespace eventbus
