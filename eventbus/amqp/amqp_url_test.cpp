#include "eventbus/amqp/amqp_url.hpp"

#include <gmock/gmock.h>

namespace eventbus::amqp {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Valid {
  std::string_view text;
  AmqpUrl url;
};

TEST(AmqpUrl, ReadsWhatIsAllowed) {
  const std::vector<Valid> table{
      {"amqp://h", {.endpoints = {{"h", 5672}}}},
      {"amqp://h/", {.endpoints = {{"h", 5672}}}},
      {"amqp://h//", {.endpoints = {{"h", 5672}}}},
      {"amqp://h/%2F", {.endpoints = {{"h", 5672}}}},
      {"amqps://h", {.secure = true, .endpoints = {{"h", 5671}}}},
      {"amqp://guest:guest@localhost:5672/", {.endpoints = {{"localhost", 5672}}}},
      {"amqp://u:p@h:1/v", {.endpoints = {{"h", 1}}, .user = "u", .password = "p", .virtual_host = "v"}},
      {"amqp://u@h/v", {.endpoints = {{"h", 5672}}, .user = "u", .virtual_host = "v"}},
      {"amqp://u:@h", {.endpoints = {{"h", 5672}}, .user = "u", .password = ""}},
      {"amqp://a%40b:p%3A%2F%25@h/a%2Fb",
       {.endpoints = {{"h", 5672}}, .user = "a@b", .password = "p:/%", .virtual_host = "a/b"}},
      {"amqp://u:p@x,y@h", {.endpoints = {{"h", 5672}}, .user = "u", .password = "p@x,y"}},
      {"amqp://[::1]:7/v", {.endpoints = {{"::1", 7}}, .virtual_host = "v"}},
      {"amqp://[fe80::2]", {.endpoints = {{"fe80::2", 5672}}}},
      {"amqp://u:p@h1:1,h2,[::1]:3/v",
       {.endpoints = {{"h1", 1}, {"h2", 5672}, {"::1", 3}}, .user = "u", .password = "p", .virtual_host = "v"}},
      {"amqp://u:p@h1/v,amqp://u:p@h2:9/v",
       {.endpoints = {{"h1", 5672}, {"h2", 9}}, .user = "u", .password = "p", .virtual_host = "v"}},
      {"amqp://h?heartbeat=5&connection_timeout=1500",
       {.endpoints = {{"h", 5672}},
        .heartbeat = std::chrono::seconds{5},
        .connection_timeout = std::chrono::milliseconds{1500}}},
      {"amqps://h/v?cacertfile=/etc/a%20b&certfile=c&keyfile=k&verify=verify_none",
       {.secure = true,
        .endpoints = {{"h", 5671}},
        .virtual_host = "v",
        .tls = {.verify = false, .ca_file = "/etc/a b", .certificate = "c", .key = "k"}}},
  };
  for (const auto& [text, expected] : table) {
    const auto parsed = AmqpUrl::parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().detail;
    EXPECT_EQ(*parsed, expected) << text;
  }
}

TEST(AmqpUrl, RefusesTheRestByName) {
  struct Wrong {
    std::string text;
    std::string reason;
  };
  const std::vector<Wrong> table{
      {"", "begins with amqp://"},
      {"http://h", "begins with amqp://"},
      {"amqp://", "host is missing"},
      {"amqp://u:p@", "host is missing"},
      {"amqp://h,,i", "host is missing"},
      {"amqp://h:0", "port"},
      {"amqp://h:65536", "port"},
      {"amqp://h:", "port"},
      {"amqp://u:s3cret/x@h", "port"},
      {"amqp://h h", "character"},
      {"amqp://::1", "[ ]"},
      {"amqp://[::1]5", "port"},
      {"amqp://@h", "user"},
      {"amqp://u:%2@h", "percent"},
      {"amqp://u:%00@h", "percent"},
      {"amqp://h/a/b", "%2F"},
      {"amqp://h/%zz", "virtual host"},
      {"amqp://h/" + std::string(256, 'v'), "255"},
      {"amqp://h?heartbeat=0", "heartbeat"},
      {"amqp://h?heartbeat=1s", "heartbeat"},
      {"amqp://h?connection_timeout=", "connection_timeout"},
      {"amqp://h?hearbeat=1", "unknown"},
      {"amqp://h?verify=no", "verify_peer|verify_none"},
      {"amqps://h?certfile=c", "go together"},
      {"amqp://u:p@h/v,amqp://u:other@h/v", "same user"},
      {"amqp://h/v,amqps://h/v", "same user"},
  };
  for (const auto& [text, reason] : table) {
    const auto parsed = AmqpUrl::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().detail, AllOf(HasSubstr("RABBITMQ_URL"), HasSubstr(reason))) << text;
    EXPECT_THAT(parsed.error().detail, Not(HasSubstr("s3cret"))) << text;
    ASSERT_THAT(parsed.error().fields, testing::SizeIs(1));
    EXPECT_EQ(parsed.error().fields[0].field, "RABBITMQ_URL");
  }
}

TEST(AmqpUrl, PrintsItselfWithoutThePassword) {
  EXPECT_EQ(AmqpUrl::parse("amqp://u:s3cret@h1,[::1]:3/a%2Fb?heartbeat=3")->printable(),
            "amqp://u:***@h1:5672,[::1]:3/a%2Fb");
  EXPECT_EQ(AmqpUrl::parse("amqps://h")->printable(), "amqps://guest:***@h:5671/");
}

}  // namespace
}  // namespace eventbus::amqp
