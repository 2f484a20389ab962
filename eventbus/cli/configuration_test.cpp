#include "eventbus/cli/configuration.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace eventbus::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> errors(const Texts& flags, const Texts& environment, const Texts& file = {}) {
  const auto resolved = Configuration::resolve(flags, environment, file);
  std::vector<std::string> lines;
  if (resolved) return lines;
  for (const auto& [field, message] : resolved.error().fields) lines.push_back(field + " " + message);
  return lines;
}

std::string write_file(std::string_view content) {
  const auto path = std::filesystem::temp_directory_path() / ("eventbus-config-" + std::to_string(getpid()) + ".toml");
  std::ofstream(path) << content;
  return path;
}

TEST(Settings, AreDeclaredOnceWithValidDefaults) {
  std::set<std::string_view> names;
  for (const auto& setting : settings()) {
    EXPECT_TRUE(names.insert(setting.variable).second) << setting.variable;
    EXPECT_TRUE(names.insert(setting.flag).second) << setting.flag;
    EXPECT_TRUE(is_allowed(setting, setting.preset)) << setting.variable;
  }
}

TEST(Configuration, FlagWinsOverEnvironmentOverFileOverDefault) {
  const Texts flags{{"--listen", "127.0.0.1:1"}};
  const Texts environment{{"EVENTBUS_LISTEN", "127.0.0.1:2"}, {"BATCH_SIZE", "2"}};
  const Texts file{{"listen", "127.0.0.1:3"}, {"batch_size", "3"}, {"data_dir", "/three"}};
  const auto resolved = Configuration::resolve(flags, environment, file);
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->text("EVENTBUS_LISTEN"), "127.0.0.1:1");
  EXPECT_EQ(resolved->count("BATCH_SIZE"), 2);
  EXPECT_EQ(resolved->text("EVENTBUS_DATA_DIR"), "/three");
  EXPECT_EQ(resolved->seconds("EVENTBUS_DRAIN_SECONDS"), 30);
  EXPECT_EQ(resolved->values().front().source, SettingSource::flag);
}

TEST(Configuration, IngestQueuesNeedTheProductionEngine) {
  Texts environment{{"EVENTBUS_INGEST_QUEUE", "inbox,legacy.orders"}};
  EXPECT_THAT(errors({}, environment), ElementsAre(HasSubstr("EVENTBUS_INGEST_QUEUE is set, but the embedded engine")));
  environment["EVENTBUS_ENGINE"] = "production";
  EXPECT_THAT(errors({}, environment), IsEmpty());
  for (const auto* wrong : {",inbox", "in box", "a,,b"}) {
    environment["EVENTBUS_INGEST_QUEUE"] = wrong;
    EXPECT_THAT(errors({}, environment), ElementsAre(HasSubstr("names of queues are allowed"))) << wrong;
  }
}

TEST(Configuration, EmptyVariableCountsAsUnset) {
  EXPECT_THAT(errors({}, {{"LOG_LEVEL", ""}, {"DATABASE_URL", ""}}), IsEmpty());
}

TEST(Configuration, WrongValuesNameVariableValueAndWhatIsAllowed) {
  EXPECT_THAT(
      errors({}, {{"LOG_LEVEL", "LOUD"}}),
      ElementsAre("LOG_LEVEL is 'LOUD': allowed are TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL, OFF (from the "
                  "environment)"));
  EXPECT_THAT(errors({{"--batch-size", "0"}}, {}),
              ElementsAre("--batch-size is '0': a whole number from 1 to 100000 is allowed (from the command line)"));
  EXPECT_THAT(errors({}, {}, {{"listen", "8000"}}), ElementsAre(AllOf(HasSubstr("listen (EVENTBUS_LISTEN) is '8000'"),
                                                                      HasSubstr("(from the configuration file)"))));
  EXPECT_THAT(errors({}, {{"EVENTBUS_DRAIN_SECONDS", "-1"}, {"BATCH_SIZE", "x"}}).size(), 2);
  EXPECT_THAT(errors({}, {{"EVENTBUS_DRAIN_SECONDS", "nan"}}).size(), 1);
}

TEST(Configuration, HalfAProductionEngineNamesTheOtherHalf) {
  EXPECT_THAT(errors({}, {{"DATABASE_URL", "postgresql://u:secret@h/d"}}),
              ElementsAre(AllOf(HasSubstr("RABBITMQ_URL is not set, but DATABASE_URL is"), Not(HasSubstr("secret")))));
  EXPECT_THAT(errors({}, {{"RABBITMQ_URL", "amqp://h"}}), ElementsAre(HasSubstr("DATABASE_URL is not set")));
}

TEST(Configuration, BothUrlsChooseTheProductionEngine) {
  const Texts both{{"DATABASE_URL", "postgresql://h/d"}, {"RABBITMQ_URL", "amqp://h"}};
  EXPECT_TRUE(Configuration::resolve({}, both, {}).value().production());
  EXPECT_FALSE(Configuration::resolve({{"--engine", "embedded"}}, both, {}).value().production());
  EXPECT_TRUE(Configuration::resolve({{"--engine", "production"}}, {}, {}).value().production());
  EXPECT_FALSE(Configuration::resolve({}, {}, {}).value().production());
}

TEST(Configuration, WrongUrlsAreRefusedWithoutShowingThem) {
  EXPECT_THAT(
      errors({}, {{"DATABASE_URL", "postgresql://u:secret@h/d?nonsense=1"}, {"RABBITMQ_URL", "http://u:secret@h"}}),
      ElementsAre(AllOf(HasSubstr("DATABASE_URL is '****'"), Not(HasSubstr("secret"))),
                  AllOf(HasSubstr("RABBITMQ_URL is '****'"), HasSubstr("amqp://"), Not(HasSubstr("secret")))));
}

TEST(Configuration, SecurityThatIsNotGivenIsRefusedAndTelemetryWarned) {
  EXPECT_THAT(errors({}, {{"EVENTBUS_API_KEYS_FILE", "/keys"}}),
              ElementsAre(HasSubstr("EVENTBUS_API_KEYS_FILE is set, but")));
  EXPECT_THAT(errors({}, {{"EVENTBUS_TLS_CERT", "/c"}, {"EVENTBUS_TLS_KEY", "/k"}}).size(), 2);
  const auto resolved = Configuration::resolve({}, {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://j"}}, {});
  ASSERT_TRUE(resolved);
  EXPECT_THAT(resolved->warnings(), ElementsAre(HasSubstr("OTEL_EXPORTER_OTLP_ENDPOINT")));
}

TEST(Configuration, MisspeltVariablesAreWarnedOfAndForeignOnesAreNot) {
  const auto resolved = Configuration::resolve(
      {}, {{"EVENTBUS_LISTN", "x"}, {"EVENTBUS_PORT_8000_TCP_ADDR", "x"}, {"EVENTBUS_URL", "x"}}, {});
  ASSERT_TRUE(resolved);
  EXPECT_THAT(resolved->warnings(),
              ElementsAre("EVENTBUS_LISTN is no setting and has no effect; did you mean EVENTBUS_LISTEN?"));
}

TEST(ListenAddress, IsNumeric) {
  EXPECT_EQ(parse_listen_address("0.0.0.0:0")->text(), "0.0.0.0:0");
  EXPECT_EQ(parse_listen_address("[::1]:8000")->text(), "[::1]:8000");
  EXPECT_TRUE(parse_listen_address("localhost:80")->loopback());
  EXPECT_FALSE(parse_listen_address("0.0.0.0:80")->loopback());
  for (const auto* wrong :
       {"", "8000", ":8000", "::1:8000", "host:80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1"}) {
    EXPECT_FALSE(parse_listen_address(wrong)) << wrong;
  }
}

TEST(TomlFile, GivesTextsAndNamesTheLineOfAFault) {
  const auto good = read_toml(write_file("listen = \"0.0.0.0:1\"\nbatch_size = 5\ndrain_seconds = 0.5\n"));
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, (Texts{{"listen", "0.0.0.0:1"}, {"batch_size", "5"}, {"drain_seconds", "0.5"}}));
  EXPECT_THAT(read_toml(write_file("a = 1\nb = \n")).error().detail, HasSubstr("line 2"));
  EXPECT_THAT(read_toml(write_file("[listen]\na = 1\n")).error().fields.front().message,
              HasSubstr("is no text or number"));
  EXPECT_THAT(read_toml("/nowhere/x.toml").error().detail, HasSubstr("/nowhere/x.toml"));
}

}  // namespace
}  // namespace eventbus::cli
