#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <set>

#include "eventbus/http/openapi.hpp"
#include "eventbus/http/test_service.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr std::string_view bindings = R"({"bindings":[{"routing_key":"#"}]})";

json::object queue_of(TestConnection& client) {
  return body_of(client.request("GET", "/queues/q"));
}

void publish(TestConnection& client, const std::string& id, const std::string& type = "a") {
  ASSERT_EQ(client.request("POST", "/events", R"({"event_type":")" + type + R"(","event_id":")" + id + "\"}").status,
            201);
}

/// Waits until a member of the queue has a value: another connection's request takes effect when the loop gets to it.
void await_queue(TestConnection& client, std::string_view member, int value) {
  wait_until(std::string(member) + " to be " + std::to_string(value),
             [&] { return queue_of(client).at(member) == value; });
}

TEST(Queues, AreDeclaredShownListedAndDeleted) {
  TestService service;
  TestConnection client(service.port());
  EXPECT_EQ(client.request("PUT", "/queues/q", bindings).status, 201);
  EXPECT_EQ(client.request("PUT", "/queues/q", bindings).status, 200);
  const auto queue = queue_of(client);
  EXPECT_EQ(queue.at("name").as_string(), "q");
  EXPECT_EQ(queue.at("paused"), false);
  for (const auto* count : {"ready", "in_flight", "delayed", "dead_letters", "consumers"})
    EXPECT_EQ(queue.at(count), 0) << count;
  EXPECT_TRUE(queue.at("oldest_age_seconds").is_null());
  EXPECT_EQ(client.request("PUT", "/queues/r", bindings).status, 201);
  EXPECT_EQ(body_of(client.request("GET", "/queues")).at("queues").as_array().size(), 2U);
  EXPECT_EQ(body_of(client.request("POST", "/queues/q/pause")).at("paused"), true);
  EXPECT_EQ(body_of(client.request("POST", "/queues/q/resume")).at("paused"), false);
  publish(client, "1");
  EXPECT_GE(queue_of(client).at("oldest_age_seconds").to_number<double>(), 0.0);
  EXPECT_EQ(client.request("POST", "/queues/q/purge").body, R"({"purged":1})");
  EXPECT_EQ(client.request("DELETE", "/queues/q").status, 204);
  EXPECT_EQ(client.request("GET", "/queues/q").status, 404);
}

TEST(Receive, HandsOutDeliveriesThatCanBeSettled) {
  TestService service;
  TestConnection client(service.port());
  client.request("PUT", "/queues/q", bindings);
  for (const auto* id : {"1", "2", "3"}) publish(client, id);
  const auto first = body_of(client.request("POST", "/queues/q/receive")).at("deliveries").as_array();
  ASSERT_EQ(first.size(), 1U) << "an empty body takes the defaults";
  const auto& delivery = first[0].as_object();
  EXPECT_EQ(delivery.at("attempt"), 1);
  EXPECT_EQ(delivery.at("replayed"), false);
  EXPECT_EQ(delivery.at("event").as_object().at("event_id").as_string(), "1");
  EXPECT_EQ(body_of(client.request("POST", "/queues/q/receive", R"({"max":10})")).at("deliveries").as_array().size(),
            2U);
  EXPECT_EQ(client.request("POST", "/queues/q/ack", R"({"delivery_ids":["d-1","","ü"]})").body,
            R"({"acked":1,"unknown":["","ü"]})");
  EXPECT_EQ(client.request("POST", "/queues/q/extend", R"({"delivery_ids":["d-2"],"lease_ms":1000})").body,
            R"({"extended":1,"unknown":[]})");
  EXPECT_EQ(client.request("POST", "/queues/q/nack", R"({"delivery_ids":["d-2"],"requeue":false,"reason":"no"})").body,
            R"({"nacked":1,"unknown":[]})");
  EXPECT_EQ(queue_of(client).at("dead_letters"), 1);
}

TEST(Receive, WaitsForTheFirstDelivery) {
  TestService service;
  TestConnection client(service.port());
  client.request("PUT", "/queues/q", bindings);
  TestConnection consumer(service.port());
  consumer.send(request_text("POST", "/queues/q/receive", R"({"max":5,"wait_ms":30000})"));
  await_queue(client, "consumers", 1);
  publish(client, "1");
  EXPECT_EQ(body_of(consumer.answer()).at("deliveries").as_array().size(), 1U);
  EXPECT_EQ(consumer.request("POST", "/queues/q/receive", R"({"wait_ms":1})").body, R"({"deliveries":[]})");
  EXPECT_EQ(consumer.request("GET", "/health").status, 200) << "the connection stays usable after a long poll";
}

TEST(Receive, AConsumerThatIsGoneTakesNothing) {
  TestService service;
  TestConnection client(service.port());
  client.request("PUT", "/queues/q", bindings);
  {
    TestConnection consumer(service.port());
    consumer.send(request_text("POST", "/queues/q/receive", R"({"wait_ms":30000})"));
    await_queue(client, "consumers", 1);
  }
  await_queue(client, "consumers", 0);
  publish(client, "1");
  EXPECT_EQ(queue_of(client).at("ready"), 1);
  TestConnection another(service.port());
  another.send(request_text("POST", "/queues/q/receive", R"({"max":1000,"wait_ms":30000})"));
  EXPECT_EQ(body_of(another.answer()).at("deliveries").as_array().size(), 1U);
}

TEST(Receive, DeliveriesThatCanNotBeWrittenAreGivenBack) {
  TestService service({.write_timeout = 100ms});
  TestConnection client(service.port());
  client.request("PUT", "/queues/q", bindings);
  const auto big = R"({"event_type":"big","payload":{"x":")" + std::string(700000, 'x') + "\"}}";
  for (int i = 0; i < 20; ++i) ASSERT_EQ(client.request("POST", "/events", big).status, 201);
  TestConnection consumer(service.port());
  consumer.shrink_receive_buffer();
  consumer.send(request_text("POST", "/queues/q/receive", R"({"max":20})"));
  std::size_t given_back = 0;
  wait_until("twenty deliveries to be given back", [&] {
    service.on_loop([&] { given_back = service.broker().given_back(); });
    return given_back >= 20;
  });
  EXPECT_EQ(given_back, 20U);
  await_queue(client, "ready", 20);
}

TEST(Receive, ADrainEndsLongPolls) {
  TestService service;
  TestConnection client(service.port());
  client.request("PUT", "/queues/q", bindings);
  TestConnection consumer(service.port());
  consumer.send(request_text("POST", "/queues/q/receive", R"({"wait_ms":30000})"));
  await_queue(client, "consumers", 1);
  service.stop(20s);
  const auto answer = consumer.answer();
  EXPECT_EQ(answer.body, R"({"deliveries":[]})");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  service.wait();
}

TEST(Consume, BadInputIsNamed) {
  TestService service;
  TestConnection client(service.port());
  client.request("PUT", "/queues/q", bindings);
  for (const auto& [path, body] : std::vector<std::pair<std::string, std::string>>{
           {"receive", R"({"max":0})"},
           {"receive", R"({"max":1001})"},
           {"receive", R"({"wait_ms":30001})"},
           {"receive", R"({"most":1})"},
           {"ack", "{}"},
           {"ack", R"({"delivery_ids":[]})"},
           {"ack", R"({"delivery_ids":[1]})"},
           {"nack", R"({"delivery_ids":["x"],"requeue":1})"},
           {"nack", R"({"delivery_ids":["x"],"requeue":false,"delay_ms":1})"},
           {"extend", R"({"delivery_ids":["x"]})"},
           {"dead-letters/redrive", "{}"},
           {"dead-letters/redrive", R"({"all":false})"},
           {"dead-letters/redrive", R"({"all":true,"reason":"x"})"}}) {
    EXPECT_EQ(client.request("POST", "/queues/q/" + path, body).status, 422) << path << body;
    EXPECT_EQ(client.request("POST", "/queues/q/" + path, "{").status, 400) << path;
  }
  EXPECT_EQ(body_of(client.request("GET", "/queues/nobody")).at("code").as_string(), "unknown_queue");
  EXPECT_EQ(client.request("PUT", "/queues/amq.b", bindings).status, 422);
}

TEST(DeadLetters, AreListedRedrivenAndDeleted) {
  TestService service;
  TestConnection client(service.port());
  client.request("PUT", "/queues/q", bindings);
  for (const auto* id : {"1", "2", "3"}) publish(client, id);
  client.request("POST", "/queues/q/receive", R"({"max":3})");
  client.request("POST", "/queues/q/nack", R"({"delivery_ids":["d-1","d-2","d-3"],"requeue":false})");
  auto page = body_of(client.request("GET", "/queues/q/dead-letters?limit=2"));
  EXPECT_EQ(page.at("dead_letters").as_array().size(), 2U);
  EXPECT_EQ(page.at("dead_letters").as_array()[0].as_object().at("reason").as_string(), "rejected");
  const std::string cursor(page.at("next_cursor").as_string());
  page = body_of(client.request("GET", "/queues/q/dead-letters?cursor=" + cursor));
  EXPECT_EQ(page.at("dead_letters").as_array().size(), 1U);
  EXPECT_TRUE(page.at("next_cursor").is_null());
  EXPECT_EQ(client.request("GET", "/queues/q/dead-letters?cursor=x").status, 422);
  EXPECT_EQ(client.request("POST", "/queues/q/dead-letters/redrive", R"({"all":true,"dry_run":true})").body,
            R"({"matched":3,"redriven":3,"left":0,"dry_run":true})");
  EXPECT_EQ(client.request("POST", "/queues/q/dead-letters/redrive", R"({"event_ids":["1"]})").body,
            R"({"matched":1,"redriven":1,"left":0,"dry_run":false})");
  EXPECT_EQ(client.request("DELETE", "/queues/q/dead-letters", R"({"reason":"rejected"})").body,
            R"({"matched":2,"dry_run":false})");
  EXPECT_EQ(queue_of(client).at("ready"), 1);
}

/// Every status that handlers answered with, taken from the service's own metrics, is one the OpenAPI document lists.
TEST(OpenApi, DocumentsEveryStatusThatIsAnswered) {
  TestService service;
  TestConnection client(service.port());
  const auto document = json::parse(client.request("GET", "/openapi.json").body).as_object();
  client.request("PUT", "/queues/q", bindings);
  for (const auto& route : all_routes()) {
    if (route.operation_id == "streamEvents") continue;
    std::string path(route.path);
    if (const auto open = path.find('{'); open != std::string::npos) path.replace(open, path.find('}') - open + 1, "q");
    const auto method = std::string(http::to_string(route.method));
    for (const auto* body :
         {"", "{", "{}", R"({"event_type":"a","event_id":"q"})", R"({"delivery_ids":["x"]})", R"({"all":true})"}) {
      client.request(method, path, body);
      client.request(method, path + "?unknown=1", body);
      client.request(method, path, body, "Content-Type: text/plain\r\n");
    }
  }
  const auto metrics = client.request("GET", "/metrics").body;
  std::size_t checked = 0;
  for (auto at = metrics.find("eventbus_http_requests_total{"); at != std::string::npos;
       at = metrics.find("eventbus_http_requests_total{", at + 1)) {
    const auto label = [&](const std::string& name) {
      const auto begin = metrics.find(name + "=\"", at) + name.size() + 2;
      return metrics.substr(begin, metrics.find('"', begin) - begin);
    };
    auto route = label("route");
    if (route == "unmatched") continue;
    if (const auto dots = route.find("..."); dots != std::string::npos) route.erase(dots, 3);
    auto method = label("method");
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    const auto& responses = document.at("paths").at(route).at(method).at("responses").as_object();
    EXPECT_TRUE(responses.contains(label("status"))) << route << method << label("status");
    ++checked;
  }
  EXPECT_GT(checked, all_routes().size());
}

}  // namespace
}  // namespace eventbus
