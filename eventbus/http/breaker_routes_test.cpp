#include <gmock/gmock.h>

#include "eventbus/http/test_service.hpp"

namespace eventbus {
namespace {

using testing::HasSubstr;

class BreakerRoutes : public testing::Test {
 protected:
  TestAnswer get() { return connection.request("GET", "/breakers"); }
  TestAnswer post(const std::string& action) { return connection.request("POST", "/breakers/" + action); }

  TestService service;
  TestConnection connection{service.port()};
};

constexpr auto closed =
    R"({"breakers":[{"name":"postgres","state":"closed","failures":0,"next_probe_at":null,"held_open":false}]})";

TEST_F(BreakerRoutes, ListsThem) {
  const auto answer = get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, closed);
}

TEST_F(BreakerRoutes, TellsOfFailuresAndTheNextProbe) {
  service.on_loop([this] {
    for (int count = 0; count < 5; ++count) service.guard().failed("refused");
  });
  const auto answer = get();
  EXPECT_THAT(answer.body, HasSubstr(R"("state":"open","failures":5,"next_probe_at":"20)"));
  EXPECT_THAT(answer.body, HasSubstr(R"("held_open":false)"));
}

TEST_F(BreakerRoutes, HoldsOneOpenUntilItIsClosed) {
  const auto opened = post("postgres/open");
  EXPECT_EQ(opened.status, 200);
  EXPECT_EQ(opened.body, R"({"name":"postgres","state":"open","failures":0,"next_probe_at":null,"held_open":true})");
  bool allows = true;
  service.on_loop([&] { allows = service.guard().would_allow(); });
  EXPECT_FALSE(allows);
  EXPECT_THAT(post("postgres/close").body, HasSubstr(R"("state":"closed")"));
  EXPECT_EQ(get().body, closed);
}

TEST_F(BreakerRoutes, ResetsOne) {
  service.on_loop([this] { service.guard().failed("refused"); });
  EXPECT_THAT(get().body, HasSubstr(R"("failures":1)"));
  EXPECT_EQ(post("postgres/reset").status, 200);
  EXPECT_EQ(get().body, closed);
}

TEST_F(BreakerRoutes, NamesThoseThatThereAre) {
  for (const auto* action : {"open", "close", "reset"}) {
    const auto answer = post(std::string("mysql/") + action);
    EXPECT_EQ(answer.status, 404) << action;
    EXPECT_THAT(answer.body, HasSubstr("There is no circuit breaker 'mysql'. There are: postgres."));
  }
  EXPECT_EQ(post("postgres/explode").status, 404);
  EXPECT_EQ(connection.request("GET", "/breakers/postgres/open").status, 405);
}

}  // namespace
}  // namespace eventbus
