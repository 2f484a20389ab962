#include "eventbus/amqp/server_refusal.hpp"

#include <gmock/gmock.h>

namespace eventbus::amqp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(ServerRefusal, ExplainsRefusedLogins) {
  const auto url = AmqpUrl::parse("amqp://ann:s3cret@h/shop").value();
  struct Case {
    ServerRefusal refusal;
    std::string reason;
    std::string remedy;
  };
  const std::vector<Case> table{
      {{403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."},
       "\"ann\"",
       "user and password"},
      {{403, "ACCESS_REFUSED - access to vhost 'shop' refused for user 'ann'"},
       "no access",
       "set_permissions -p 'shop' 'ann'"},
      {{530, "NOT_ALLOWED - vhost shop not found"}, "no virtual host \"shop\"", "add_vhost 'shop'"},
      {{530, "NOT_ALLOWED - vhost 'shop' is down"}, "is down", "RABBITMQ_URL"},
      {{320, "CONNECTION_FORCED - shutdown"}, "320", "CONNECTION_FORCED"},
      {{530, "NOT_ALLOWED - access to vhost 'shop' refused for user 'ann': connection limit (1) is reached"},
       "no more connections",
       "set_user_limits"},
  };
  for (const auto& [refusal, reason, remedy] : table) {
    EXPECT_THAT(explain_login_refusal(refusal, url),
                AllOf(HasSubstr(reason), HasSubstr(remedy), Not(HasSubstr("s3cret"))))
        << refusal.text;
  }
}

TEST(ServerRefusal, KnowsWhatLastsUntilSomebodyChangesSomething) {
  EXPECT_TRUE(is_lasting({403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."}));
  EXPECT_TRUE(is_lasting({530, "NOT_ALLOWED - vhost shop not found"}));
  EXPECT_TRUE(is_lasting({530, "NOT_ALLOWED - access to vhost 'shop' refused for user 'ann'"}));
  EXPECT_FALSE(is_lasting({530, "NOT_ALLOWED - vhost 'shop' is down"}));
  EXPECT_FALSE(
      is_lasting({530, "NOT_ALLOWED - connection refused for user 'ann': user connection limit (1) is reached"}));
  EXPECT_FALSE(is_lasting({320, "CONNECTION_FORCED - shutdown"}));
}

TEST(ServerRefusal, TellsTheCallersFaultFromTheServersState) {
  EXPECT_EQ(as_error({404, "NOT_FOUND - no queue 'q'"}, "purging queue \"q\"").code, ErrorCode::not_found);
  EXPECT_EQ(as_error({405, "RESOURCE_LOCKED"}, "purging").code, ErrorCode::conflict);
  const auto conflict = as_error({406, "PRECONDITION_FAILED - inequivalent arg"}, "declaring queue \"q\"");
  EXPECT_EQ(conflict.code, ErrorCode::conflict);
  EXPECT_EQ(conflict.detail, "declaring queue \"q\": 406 PRECONDITION_FAILED - inequivalent arg");
  const auto other_type = as_error({406,
                                    "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': "
                                    "received 'topic' but current is 'direct'"},
                                   "declaring exchange \"e\"");
  EXPECT_EQ(other_type.code, ErrorCode::exchange_conflict);
  const auto transient =
      as_error({406, "PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'e'"}, "declaring");
  EXPECT_EQ(transient.code, ErrorCode::conflict);
  for (const int code : {403, 506, 541}) EXPECT_THROW(as_error({code, "x"}, "declaring"), Refused) << code;
}

TEST(ServerRefusal, TakesVersionsFrom3_10On) {
  for (const auto* version : {"3.10.0", "3.10.8", "3.11", "3.13.7-rc.1", "4.0.0", "4.1.2"})
    EXPECT_EQ(explain_version(version), "") << version;
  for (const auto* version : {"3.9.29", "3.1", "2.8.7", "", "new"})
    EXPECT_THAT(explain_version(version), AllOf(HasSubstr("3.10 or newer"), HasSubstr("RABBITMQ_URL"))) << version;
}

}  // namespace
}  // namespace eventbus::amqp
