#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "eventbus/http/test_service.hpp"

namespace eventbus {
namespace {

constexpr std::string_view ndjson = "Content-Type: application/x-ndjson\r\n";

std::string code_of(const TestAnswer& answer) {
  return std::string(body_of(answer).at("code").as_string());
}

std::string lines(int count, std::string_view prefix) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += R"({"event_type":"line","event_id":")" + std::string(prefix) + std::to_string(i) + "\"}\n";
  }
  return text;
}

TEST(Publish, AnswersWithIdStatusAndLocation) {
  TestService service;
  TestConnection client(service.port());
  const auto answer = client.request("POST", "/events", R"({"event_type":"user.created","event_id":"leveldb/54 f1"})");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.headers.at("location"), "/events/leveldb/54%20f1");
  EXPECT_EQ(answer.body, R"({"event_id":"leveldb/54 f1","status":"published"})");
  for (const auto* path : {"/events/leveldb/54%20f1", "/events/leveldb%2F54%20f1"}) {
    EXPECT_EQ(body_of(client.request("GET", path)).at("event_id").as_string(), "leveldb/54 f1");
  }
}

TEST(Publish, LocationsOfIdsThatAreRoutesWork) {
  TestService service;
  TestConnection client(service.port());
  const std::map<std::string, std::string> locations{{"batch", "/events/by-id?event_id=batch"},
                                                     {"stream", "/events/by-id?event_id=stream"},
                                                     {"by-id", "/events/by-id?event_id=by-id"},
                                                     {"..", "/events/by-id?event_id=.."},
                                                     {"../queues", "/events/by-id?event_id=../queues"},
                                                     {"a//b+c", "/events/by-id?event_id=a//b%2Bc"},
                                                     {"batch/x", "/events/batch/x"},
                                                     {"...", "/events/..."}};
  for (const auto& [id, location] : locations) {
    const auto answer = client.request("POST", "/events", R"({"event_type":"a","event_id":")" + id + "\"}");
    EXPECT_EQ(answer.headers.at("location"), location);
    EXPECT_EQ(body_of(client.request("GET", location)).at("event_id").as_string(), id);
  }
}

TEST(Publish, KnowsDuplicatesAndConflicts) {
  TestService service;
  TestConnection client(service.port());
  const std::string event = R"({"event_type":"a","event_id":"x","payload":{"n":1}})";
  EXPECT_EQ(client.request("POST", "/events", event).status, 201);
  const auto again = client.request("POST", "/events", event);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, R"({"event_id":"x","status":"duplicate"})");
  const auto conflict = client.request("POST", "/events", R"({"event_type":"b","event_id":"x"})");
  EXPECT_EQ(conflict.status, 409);
  EXPECT_EQ(code_of(conflict), "event_conflict");
}

TEST(Publish, TheCorrelationIdIsTheEventsWhereTheRequestHasNone) {
  TestService service;
  TestConnection client(service.port());
  EXPECT_EQ(
      client.request("POST", "/events", R"({"event_type":"a","correlation_id":"c-1"})").headers.at("x-correlation-id"),
      "c-1");
  const auto answer =
      client.request("POST", "/events", R"({"event_type":"a","event_id":"y"})", "X-Correlation-ID: c-2\r\n");
  EXPECT_EQ(answer.headers.at("x-correlation-id"), "c-2");
  EXPECT_EQ(body_of(client.request("GET", "/events/y")).at("correlation_id").as_string(), "c-2");
}

TEST(Publish, BadInputIsNamed) {
  TestService service;
  TestConnection client(service.port());
  const auto wrong = client.request("POST", "/events", R"({"event_type":"a b","colour":1})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(body_of(wrong).at("errors").as_array().size(), 2U);
  EXPECT_EQ(body_of(wrong).at("correlation_id").as_string(), wrong.headers.at("x-correlation-id"));
  EXPECT_EQ(code_of(client.request("POST", "/events", "{")), "malformed_json");
  EXPECT_EQ(client.request("POST", "/events", {}, "Content-Length: 0\r\n").status, 400);
  EXPECT_EQ(client.request("POST", "/events", "{}", "Content-Type: text/plain\r\n").status, 415);
  EXPECT_EQ(client.request("POST", "/events", "{}", "Content-Type:\r\n").status, 415);
  EXPECT_EQ(client.request("POST", "/events", "{}", "Content-Encoding: gzip\r\n").status, 415);
  for (const auto* query : {"wait=never", "timeout_ms=x", "colour=red", "wait=stored&wait=stored", "x=%zz"}) {
    EXPECT_EQ(client.request("POST", std::string("/events?") + query, R"({"event_type":"a"})").status, 422) << query;
  }
}

TEST(Publish, TakesCloudEventsInBothModes) {
  TestService service;
  TestConnection client(service.port());
  const auto structured =
      client.request("POST", "/events", R"({"specversion":"1.0","id":"ce-1","source":"/s","type":"t"})",
                     "Content-Type: application/cloudevents+json\r\n");
  EXPECT_EQ(structured.status, 201) << structured.body;
  const auto binary = client.request(
      "POST", "/events", R"({"n":1})",
      "CE-SpecVersion: 1.0\r\nce-id: ce-2\r\nce-source: /s\r\nce-type: t\r\nContent-Type: application/json\r\n");
  EXPECT_EQ(binary.status, 201) << binary.body;
  const auto shown = client.request("GET", "/events/ce-2", {}, "Accept: application/cloudevents+json\r\n");
  EXPECT_EQ(shown.headers.at("content-type"), "application/cloudevents+json");
  EXPECT_EQ(body_of(shown).at("data").as_object().at("n"), 1);
  EXPECT_EQ(client.request("GET", "/events/ce-2", {}, "Accept: text/html\r\n").status, 406);
}

TEST(Publish, TakesBinaryModeForWhatItSays) {
  TestService service;
  TestConnection client(service.port());
  const std::string binary =
      "ce-specversion: 1.0\r\nce-id: in-headers\r\nce-source: /s\r\nce-type: t\r\nContent-Type: ";
  const std::string structured = R"({"specversion":"1.0","id":"in-body","source":"/s","type":"t"})";
  const auto envelope = client.request("POST", "/events", structured, binary + "application/cloudevents+json\r\n");
  EXPECT_EQ(body_of(envelope).at("event_id").as_string(), "in-body");
  EXPECT_EQ(client.request("POST", "/events", "[]", binary + "application/cloudevents-batch+json\r\n").status, 415);
  EXPECT_EQ(client.request("POST", "/events", "text", binary + "text/plain\r\n").status, 415);
  EXPECT_EQ(
      body_of(client.request("POST", "/events", "[1]", binary + "application/x+json\r\n")).at("event_id").as_string(),
      "in-headers");
}

TEST(Publish, CountsWhatItRefuses) {
  TestService service;
  TestConnection client(service.port());
  EXPECT_EQ(client.request("POST", "/events?wait=published", R"({"event_type":"a","event_id":"x"})").status, 201);
  EXPECT_EQ(client.request("POST", "/events", "{}").status, 422);
  EXPECT_EQ(client.request("POST", "/events", R"({"event_type":"b","event_id":"x"})").status, 409);
  const auto metrics = client.request("GET", "/metrics").body;
  EXPECT_NE(metrics.find("eventbus_events_rejected_total{code=\"invalid\"} 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("eventbus_events_rejected_total{code=\"event_conflict\"} 1\n"), std::string::npos);
}

TEST(PublishBatch, ListsEveryResult) {
  TestService service;
  TestConnection client(service.port());
  const auto answer = client.request(
      "POST", "/events/batch",
      R"({"events":[{"event_type":"a","event_id":"1"},{"event_type":"a b"},{"event_type":"a","event_id":"1"}]})");
  EXPECT_EQ(answer.status, 207);
  const auto body = body_of(answer);
  EXPECT_EQ(body.at("total"), 3);
  EXPECT_EQ(body.at("stored"), 1);
  EXPECT_EQ(body.at("duplicates"), 1);
  EXPECT_EQ(body.at("failed"), 1);
  const auto& failed = body.at("results").as_array().at(1).as_object();
  EXPECT_EQ(failed.at("index"), 1);
  EXPECT_EQ(failed.at("error").as_object().at("code").as_string(), "invalid");
}

TEST(PublishBatch, NoneStoredIsAProblemWithResults) {
  TestService service;
  TestConnection client(service.port());
  const auto answer = client.request("POST", "/events/batch", R"({"events":[{},1]})");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(body_of(answer).at("failed"), 2);
  EXPECT_EQ(body_of(answer).at("results").as_array().size(), 2U);
  EXPECT_EQ(client.request("POST", "/events/batch", R"({"events":[]})").status, 200);
  EXPECT_EQ(client.request("POST", "/events/batch", "\n\n", ndjson).status, 200);
}

TEST(PublishBatch, AtomicStoresAllOrNone) {
  TestService service;
  TestConnection client(service.port());
  ASSERT_EQ(client.request("POST", "/events", R"({"event_type":"a","event_id":"taken"})").status, 201);
  const std::map<std::string, int> spoilers{{R"({"event_type":"a b"})", 422},
                                            {R"({"event_type":"b","event_id":"taken"})", 409}};
  for (const auto& [spoiler, status] : spoilers) {
    EXPECT_EQ(client
                  .request("POST", "/events/batch?atomic=true",
                           R"({"events":[{"event_type":"a","event_id":"new"},)" + spoiler + "]}")
                  .status,
              status);
    EXPECT_EQ(client
                  .request("POST", "/events/batch?atomic=true",
                           R"({"event_type":"a","event_id":"new"})"
                           "\n" +
                               spoiler,
                           ndjson)
                  .status,
              status);
  }
  EXPECT_EQ(client.request("GET", "/events/new").status, 404);
  EXPECT_EQ(client.request("POST", "/events/batch?atomic=true", lines(3, "all-"), ndjson).status, 201);
}

TEST(PublishNdjson, CountsAllAndListsFailures) {
  TestService service;
  TestConnection client(service.port());
  const auto answer =
      client.request("POST", "/events/batch", lines(2500, "a-") + "\r\n\nnonsense\n" + lines(1, "last-"), ndjson);
  EXPECT_EQ(answer.status, 207);
  EXPECT_EQ(body_of(answer).at("total"), 2502);
  EXPECT_EQ(body_of(answer).at("stored"), 2501);
  ASSERT_EQ(body_of(answer).at("results").as_array().size(), 1U);
  EXPECT_EQ(body_of(answer).at("results").as_array()[0].as_object().at("index"), 2500);
  EXPECT_EQ(client.request("GET", "/events/last-0").status, 200);
}

TEST(PublishBatch, AStoreThatIsAwayIsToldForEachEvent) {
  TestService service;
  service.fail_appends(std::chrono::seconds{7});
  TestConnection client(service.port());
  for (const auto* query : {"", "?atomic=true"}) {
    const auto answer = client.request("POST", std::string("/events/batch") + query, lines(3, "a-"), ndjson);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.headers.at("retry-after"), "7");
    EXPECT_EQ(code_of(answer), "unavailable");
    const auto body = body_of(answer);
    EXPECT_EQ(body.at("total"), 3);
    EXPECT_EQ(body.at("failed"), 3);
    const auto& last = body.at("results").as_array().at(2).as_object();
    EXPECT_EQ(last.at("event_id").as_string(), "a-2");
    EXPECT_EQ(last.at("error").as_object().at("code").as_string(), "unavailable");
    EXPECT_TRUE(last.at("error").as_object().at("retryable").as_bool());
    EXPECT_EQ(answer.body.find("disk full"), std::string::npos) << "for the log only";
  }
}

TEST(PublishNdjson, HandsOnGroupsOfAThousandEventsOrFourMebibytes) {
  TestService service;
  EXPECT_EQ(TestConnection(service.port()).request("POST", "/events/batch", lines(2500, "short-"), ndjson).status, 201);
  EXPECT_EQ(service.largest_append(), 1000U);
  TestService other;
  std::string text;
  for (int number = 0; number < 12; ++number)
    text += R"({"event_type":"a","payload":{"x":")" + std::string(900'000, 'x') + "\"}}\n";
  EXPECT_EQ(TestConnection(other.port()).request("POST", "/events/batch", text, ndjson).status, 201);
  EXPECT_EQ(other.largest_append(), 5U) << "the first number of such events that makes 4 MiB";
  EXPECT_EQ(TestConnection(other.port()).request("POST", "/events/batch?atomic=true", text, ndjson).status, 201);
  EXPECT_EQ(other.largest_append(), 12U);
}

TEST(PublishNdjson, AnAtomicBodyHasALimit) {
  const auto text = lines(50, "atomic-");
  TestService service({.max_batch_bytes = text.size()});
  TestConnection client(service.port());
  for (const auto* spare : {"", "\n"}) {
    client.send(
        request_text("POST", "/events/batch?atomic=true", {}, std::string(ndjson) + "Transfer-Encoding: chunked\r\n"));
    for (const auto& piece : {text.substr(0, 1000), text.substr(1000) + spare})
      client.send(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
    const auto answer = client.send("0\r\n\r\n").answer();
    EXPECT_EQ(answer.status, *spare == '\0' ? 201 : 413) << answer.body;
  }
}

TEST(PublishNdjson, ABodyThatBreaksOffSaysWhatIsStored) {
  TestService service;
  for (const int whole : {0, 1000}) {
    TestConnection client(service.port());
    client.send(request_text("POST", "/events/batch", {}, std::string(ndjson) + "Transfer-Encoding: chunked\r\n"));
    const auto text = lines(whole, "broken-") + "{";
    const auto answer = client.send(fmt::format("{:x}\r\n{}\r\nnonsense\r\n", text.size(), text)).answer();
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.headers.at("connection"), "close");
    EXPECT_EQ(answer.body.find("1000 events before that are stored") != std::string::npos, whole == 1000);
    EXPECT_EQ(answer.body.find("events before") != std::string::npos, whole == 1000);
  }
}

TEST(PublishNdjson, AFaultNamesItsLineAndColumn) {
  TestService service;
  const auto answer = TestConnection(service.port())
                          .request("POST", "/events/batch", lines(2, "p-") + "\n  {\"event_type\":nonsense}\n", ndjson);
  const auto body = body_of(answer);
  const auto& error = body.at("results").as_array().at(0).as_object().at("error").as_object();
  EXPECT_EQ(error.at("line"), 4);
  EXPECT_EQ(error.at("column"), 17);
  EXPECT_TRUE(error.at("detail").as_string().starts_with("Line 4, column 17:")) << error.at("detail");
}

TEST(PublishNdjson, BoundsTheListOfFailures) {
  TestService service;
  std::string nonsense;
  for (int i = 0; i < 1500; ++i) nonsense += "x\n";
  const auto answer =
      TestConnection(service.port()).request("POST", "/events/batch", nonsense + lines(1, "b-"), ndjson);
  EXPECT_EQ(body_of(answer).at("failed"), 1500);
  EXPECT_EQ(body_of(answer).at("results").as_array().size(), 1000U);
  EXPECT_TRUE(body_of(answer).at("results_truncated").as_bool());
}

TEST(PublishNdjson, AnOverlongLineFailsAlone) {
  TestService service({.max_event_bytes = 1000});
  const std::string overlong = R"({"event_type":"a","payload":{"x":")" + std::string(2000, 'x') + "\"}}\n";
  const auto answer =
      TestConnection(service.port()).request("POST", "/events/batch", overlong + lines(1, "c-"), ndjson);
  EXPECT_EQ(answer.status, 207);
  EXPECT_EQ(body_of(answer).at("results").as_array()[0].as_object().at("error").as_object().at("code").as_string(),
            "too_large");
}

TEST(PublishNdjson, StreamsChunkedBodiesLargerThanAnyLimit) {
  TestService service({.max_event_bytes = 1000, .max_batch_bytes = 1000, .max_body_bytes = 1000});
  TestConnection client(service.port());
  client.send(request_text("POST", "/events/batch", {}, std::string(ndjson) + "Transfer-Encoding: chunked\r\n"));
  const auto text = lines(20000, "d-");
  for (std::size_t at = 0; at < text.size(); at += 4093) {
    const auto piece = text.substr(at, 4093);
    std::array<char, 17> size{};
    std::snprintf(size.data(), size.size(), "%zx", piece.size());
    client.send(std::string(size.data()) + "\r\n" + piece + "\r\n");
  }
  const auto answer = client.send("0\r\n\r\n").answer();
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(body_of(answer).at("stored"), 20000);
}

TEST(Mode, ReadOnlyRefusesPublishingOnly) {
  TestService service;
  TestConnection client(service.port());
  EXPECT_EQ(client.request("PUT", "/mode", R"({"mode":"read_only"})").body, R"({"mode":"read_only"})");
  const auto refused = client.request("POST", "/events", R"({"event_type":"a"})");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(code_of(refused), "read_only");
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_EQ(client.request("POST", "/events/batch", lines(3, "e-"), ndjson).status, 503);
  EXPECT_EQ(client.request("POST", "/events/batch", R"({"events":[{"event_type":"a"}]})").status, 503);
  EXPECT_EQ(client.request("GET", "/events").status, 200);
  EXPECT_EQ(client.request("PUT", "/mode", R"({"mode":"off"})").status, 422);
  EXPECT_EQ(client.request("PUT", "/mode", R"({"mode":"normal"})").status, 200);
  EXPECT_EQ(client.request("POST", "/events", R"({"event_type":"a"})").status, 201);
}

}  // namespace
}  // namespace eventbus
