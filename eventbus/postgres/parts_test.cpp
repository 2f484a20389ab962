#include <gmock/gmock.h>

#include "eventbus/postgres/connection_settings.hpp"
#include "eventbus/postgres/copy_encoder.hpp"
#include "eventbus/postgres/reconnect_schedule.hpp"
#include "eventbus/postgres/server_error.hpp"
#include "eventbus/postgres/statement_cache.hpp"

namespace eventbus::postgres {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST(ConnectionSettings, ReadsUrisAndKeywords) {
  const auto uri =
      ConnectionSettings::parse("postgresql://bus:s3cret@db.example:6432/events?sslmode=require&connect_timeout=7")
          .value();
  EXPECT_EQ(uri.printable(), "postgresql://bus@db.example:6432/events");
  EXPECT_EQ(uri.connect_timeout, 7s);
  const auto keywords = uri.keywords(uri.endpoints().at(0));
  const ConnectionSettings::Keywords expected{{"password", "s3cret"},
                                              {"sslmode", "require"},
                                              {"application_name", "eventbus"},
                                              {"client_encoding", "UTF8"},
                                              {"keepalives_idle", "5"},
                                              {"host", "db.example"},
                                              {"port", "6432"}};
  EXPECT_THAT(keywords, testing::IsSupersetOf(expected));
  EXPECT_EQ(ConnectionSettings::parse("host=/run/pg dbname=events user=bus port=5432").value().printable(),
            "postgresql://bus@/run/pg:5432/events");
}

TEST(ConnectionSettings, KnowsSeveralHosts) {
  const auto settings = ConnectionSettings::parse("postgresql://bus@a:1,b:2/events").value();
  EXPECT_EQ(settings.printable(), "postgresql://bus@a:1,b:2/events");
  ASSERT_EQ(settings.endpoints().size(), 2u);
  EXPECT_EQ(settings.endpoints()[1].host, "b");
  EXPECT_EQ(settings.endpoints()[1].port, "2");
  EXPECT_FALSE(ConnectionSettings::parse("host=a,b,c port=1,2 user=u"));
}

TEST(ConnectionSettings, SaysWhatIsWrongWithoutRepeatingIt) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "(it is empty)"},
      {"postgresql:/bus:s3cret@host/db", "no URL"},
      {"mysql://bus:s3cret@host/db", "another scheme"},
      {"password=s3cret s3cret", "a keyword has no ="},
      {"password=s3cret s3cret=1", "none of libpq's"},
      {"password='s3cret", "a quoted value has no end"},
      {"postgresql://bus:s3cret%zz@host/db", "a percent-escape is wrong"},
      {"postgresql://bus:s3cret%00@host/db", "%00"},
      {"postgresql://bus:s3cret@[::1/db", "no ] at its end"},
      {"postgresql://bus:s3cret@[]/db", "between [ and ]"},
      {"postgresql://bus:s3cret@[::1]x/db", "after an address in [ ]"},
      {"postgresql://bus:s3cret@host:port/db", "a port must be a number"},
      {"postgresql://bus:x@host?s3cret=y@host/db", "none of libpq's"},
      {"postgresql://bus:s3cret@host/db?sslmode", "has no ="},
      {"postgresql://bus:s3cret@host/db?sslmode=a=b", "two ="},
      {"postgresql://bus:s3cret@host/db?nonsense=1", "\"nonsense\""},
      {"postgresql://bus:s3cret@host/db\n", "(it holds a line break"},
      {"host=a\tpassword=s3cret", "control character"}};
  for (const auto& [text, reason] : wrong) {
    const auto refused = ConnectionSettings::parse(text, "DATABASE_REPLICA_URL");
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().fields.at(0).field, "DATABASE_REPLICA_URL");
    EXPECT_THAT(refused.error().detail, AllOf(HasSubstr("DATABASE_REPLICA_URL must be a libpq URI"), HasSubstr(reason),
                                              Not(HasSubstr("s3cret"))))
        << text;
  }
}

struct FaultCase {
  std::string sqlstate;
  bool retryable;
  bool lasting;
  std::string remedy;
};

TEST(ServerError, SaysWhatAFaultMeans) {
  const std::vector<FaultCase> cases{
      {"", false, false, "Is the server running, and are host and port in DATABASE_URL right?"},
      {"28P01", false, true, "Check user and password in DATABASE_URL."},
      {"3D000", false, true, "Create the database"},
      {"42501", false, true, "Grant the role in DATABASE_URL"},
      {"53300", false, false, "POOL_MAX_SIZE"},
      {"53100", false, false, "The disk of the server in DATABASE_URL is full"},
      {"25006", false, false, "target_session_attrs=read-write"},
      {"57014", false, false, "longer than its timeout"},
      {"57P01", true, false, "shuts down"},
      {"40001", true, false, "collided"},
      {"40P01", true, false, "collided"},
      {"08006", true, false, "opened again by itself"},
      {"22P05", false, true, "refused a value"},
      {"P0001", false, false, "The server's log may say more."},
  };
  for (const auto& [sqlstate, retryable, lasting, remedy] : cases) {
    const ServerError error("using postgresql://u@h/d", "it said\nno", sqlstate);
    EXPECT_EQ(error.retryable(), retryable) << sqlstate;
    EXPECT_EQ(error.lasting(), lasting) << sqlstate;
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("using postgresql://u@h/d: it said"), HasSubstr(remedy), Not(HasSubstr("\n"))));
  }
}

TEST(ServerError, ReadsWhyAConnectionFailed) {
  const auto refused = read_connect_failure(
      "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication failed for user "
      "\"bus\"\nLOCATION:  auth_failed, auth.c:326\n");
  EXPECT_EQ(refused.sqlstate, "28P01");
  EXPECT_EQ(refused.message, "password authentication failed for user \"bus\"");
  const auto unreachable = read_connect_failure(
      "connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running on that "
      "host?");
  EXPECT_EQ(unreachable.sqlstate, "");
  EXPECT_EQ(unreachable.message, "connection to server at \"127.0.0.1\", port 1 failed: Connection refused");
}

TEST(ServerError, RefusesOldServers) {
  EXPECT_THAT(refuse_version(120'022).value(), HasSubstr("PostgreSQL 12.22, but 13 or newer is needed"));
  const ServerError error("connecting", *refuse_version(120'022), too_old, "DATABASE_REPLICA_URL");
  EXPECT_TRUE(error.lasting());
  EXPECT_STREQ(error.what(),
               "connecting: the server is PostgreSQL 12.22, but 13 or newer is needed. Upgrade the server, or let "
               "DATABASE_REPLICA_URL name another one.");
  EXPECT_FALSE(refuse_version(130'000));
}

TEST(CopyEncoder, WritesTheBinaryFormat) {
  CopyEncoder encoder(4);
  encoder.begin_row();
  encoder.add(std::int64_t{258});
  encoder.add(std::string_view("ü"));
  encoder.add_optional("");
  encoder.add_json("{}");
  const std::string header("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  const std::string row("\0\4\0\0\0\10\0\0\0\0\0\0\1\2\0\0\0\2\303\274\377\377\377\377\0\0\0\3\1{}", 31);
  EXPECT_EQ(encoder.take(), header + row + "\377\377");
  EXPECT_EQ(encoder.take(), header + "\377\377") << "empty again";
}

TEST(CopyEncoder, CountsTimesFrom2000) {
  CopyEncoder encoder(1);
  encoder.add(Timestamp(std::chrono::sys_days{std::chrono::year{2000} / 1 / 1} - 1us));
  EXPECT_THAT(encoder.take(), HasSubstr(std::string("\0\0\0\10\377\377\377\377\377\377\377\377", 12)));
}

TEST(StatementCache, ForgetsTheLeastRecentlyUsed) {
  StatementCache cache(2);
  EXPECT_FALSE(cache.find("a"));
  const auto a = cache.add("a");
  const auto b = cache.add("b");
  EXPECT_EQ(cache.find("a"), a);
  EXPECT_FALSE(cache.evict());
  cache.add("c");
  EXPECT_EQ(cache.evict(), b);
  EXPECT_FALSE(cache.find("b"));
  cache.erase("a");
  EXPECT_FALSE(cache.find("a"));
  EXPECT_EQ(cache.size(), 1u);
}

TEST(ReconnectSchedule, BacksOffWhileFailingAndTriesOneAtATime) {
  ReconnectSchedule schedule({.delay = 100ms, .backoff = 2, .max_delay = 300ms});
  const ReconnectSchedule::Time begin{};
  EXPECT_TRUE(schedule.may_begin(begin));
  schedule.begin();
  schedule.begin();
  schedule.failed(begin, 0.5);
  EXPECT_FALSE(schedule.may_begin(begin + 49ms));
  EXPECT_TRUE(schedule.may_begin(begin + 50ms));
  schedule.begin();
  EXPECT_FALSE(schedule.may_begin(begin + 1h)) << "another one tries";
  schedule.failed(begin, 0.999);
  EXPECT_GT(schedule.next(), begin + 190ms);
  for (int n = 0; n < 100; ++n) schedule.failed(begin, 0.999);
  EXPECT_LE(schedule.next(), begin + 300ms);
  schedule.begin();
  schedule.abandoned();
  EXPECT_TRUE(schedule.may_begin(begin + 1s));
  schedule.succeeded();
  EXPECT_TRUE(schedule.may_begin(begin));
}

}  // namespace
}  // namespace eventbus::postgres
