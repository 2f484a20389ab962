#include "eventbus/cli/configuration.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "eventbus/cli/listen_address.hpp"
#include "eventbus/cli/setting_value.hpp"

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
    EXPECT_TRUE(setting.preset.empty() || !fault_of(setting, setting.preset)) << setting.variable;
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
  for (const auto* wrong : {",inbox", "in/box", "amq.in", "a,,b"}) {
    environment["EVENTBUS_INGEST_QUEUE"] = wrong;
    EXPECT_THAT(errors({}, environment), ElementsAre(HasSubstr("names of queues are allowed"))) << wrong;
  }
}

TEST(Configuration, EmptyValuesAreWrongWhereverTheyStand) {
  for (const auto& setting : settings()) {
    EXPECT_THAT(errors({}, {{std::string(setting.variable), ""}}),
                ElementsAre(std::string(setting.variable) +
                            " is '': it is empty: give it a value or leave it out (from the environment)"));
    EXPECT_THAT(errors({{std::string(setting.flag), ""}}, {}), ElementsAre(HasSubstr("from the command line")));
    EXPECT_THAT(errors({}, {}, {{toml_key(setting), ""}}), ElementsAre(HasSubstr("from the configuration file")));
  }
  EXPECT_THAT(errors({}, {{"EVENTBUS_API_KEYS_FILE", ""}}), ElementsAre(HasSubstr("EVENTBUS_API_KEYS_FILE is set")));
}

TEST(Configuration, WhiteSpaceAtAnEndAndControlCharactersAreWrongAndSeenOnOneLine) {
  const auto right = [](const Setting& setting) -> std::string {
    if (setting.kind == SettingKind::database) return "postgresql://u:hunter2@h/x";
    if (setting.kind == SettingKind::broker) return "amqp://u:hunter2@h/x";
    return std::string(setting.preset.empty() ? "inbox" : setting.preset);
  };
  for (const auto& setting : settings()) {
    const std::string name(setting.variable);
    const auto value = right(setting);
    const auto told = [&](const std::string& wrong, const std::string& seen) {
      const auto said = errors({}, {{name, wrong}});
      EXPECT_THAT(said, ElementsAre(AllOf(HasSubstr(name + " is '"), HasSubstr(seen), Not(HasSubstr("hunter2")),
                                          Not(HasSubstr("\n")))))
          << name;
    };
    told(value + "\n", "\\n': it ends with white space");
    told(value + "\r\n", "\\x0d\\n': it ends with white space");
    told(" " + value, "it begins with white space");
    told(value.substr(0, 1) + "\x01" + value.substr(1), "it holds a control character");
  }
}

TEST(Configuration, PoolBoundsFitEachOther) {
  EXPECT_THAT(errors({}, {{"POOL_MIN_SIZE", "10"}, {"POOL_MAX_SIZE", "9"}}),
              ElementsAre("POOL_MIN_SIZE is 10, more than POOL_MAX_SIZE, which is 9 (from the environment): lower the "
                          "one or raise the other"));
  EXPECT_THAT(errors({{"--pool-max-size", "9"}}, {{"POOL_MIN_SIZE", "10"}}),
              ElementsAre(AllOf(HasSubstr("POOL_MIN_SIZE"), HasSubstr("--pool-max-size"))));
  EXPECT_THAT(errors({}, {{"POOL_MIN_SIZE", "21"}}),
              ElementsAre(HasSubstr("POOL_MAX_SIZE, which is 20 (from the default)")));
  EXPECT_THAT(errors({}, {{"POOL_MIN_SIZE", "9"}, {"POOL_MAX_SIZE", "9"}}), IsEmpty());
  const auto few = Configuration::resolve({}, {{"POOL_MAX_SIZE", "3"}}, {});
  ASSERT_TRUE(few);
  EXPECT_EQ(few->count("POOL_MIN_SIZE"), 3);
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

TEST(Configuration, WrongUrlsSayWhatIsWrongWithoutThePassword) {
  const auto told = [](const std::string& variable, const std::string& url, const std::string& why) {
    EXPECT_THAT(
        errors({}, {{variable, url}, {"EVENTBUS_ENGINE", "production"}}),
        ElementsAre(AllOf(HasSubstr(variable + " is '"), HasSubstr("****"), HasSubstr(why), Not(HasSubstr("s3cret")))))
        << url;
  };
  told("RABBITMQ_URL", "http://u:s3cret@h", "begins with amqp://");
  told("RABBITMQ_URL", "u:s3cret@h", "begins with amqp://");
  told("RABBITMQ_URL", "amqp://u:s3cret@", "a host is missing");
  told("RABBITMQ_URL", "amqp://u:s3cret", "a port is no number");
  told("RABBITMQ_URL", "amqp://u:s3cret@h:x", "a port is no number");
  told("RABBITMQ_URL", "amqp://u:s3cret%2@h", "a percent-escape");
  told("RABBITMQ_URL", "amqp://u:s3cret/s3cret@h", "a port is no number");
  told("RABBITMQ_URL", "amqp://u:x?s3cret@h", "a port is no number");
  told("DATABASE_URL", "postgresql://u:s3cret@h/d?nonsense=1", "\"nonsense\"");
  told("DATABASE_URL", "postgresql://u:s3cret@h:x/d", "a port must be a number");
  told("DATABASE_URL", "postgresql://u:s3cret@[h/d", "no ] at its end");
  told("DATABASE_URL", "password=s3cret's3cret s3cret", "a keyword has no =");
  EXPECT_THAT(errors({}, {{"RABBITMQ_URL", "amqp://u:s3cret@h:x"}, {"DATABASE_URL", "host=h"}}),
              ElementsAre(HasSubstr("RABBITMQ_URL is 'amqp://u:****@h:x'")));
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

TEST(Configuration, WhatKubernetesTellsOfServicesIsNoSetting) {
  const Texts links{{"EVENTBUS_PORT", "tcp://10.0.0.1:8000"},    {"EVENTBUS_PORT_8000_TCP", "tcp://10.0.0.1:8000"},
                    {"EVENTBUS_PORT_8000_TCP_PROTO", "tcp"},     {"EVENTBUS_PORT_8000_TCP_PORT", "8000"},
                    {"EVENTBUS_PORT_8000_TCP_ADDR", "10.0.0.1"}, {"EVENTBUS_SERVICE_HOST", "10.0.0.1"},
                    {"EVENTBUS_SERVICE_PORT", "8000"},           {"EVENTBUS_SERVICE_PORT_HTTP", "8000"},
                    {"EVENTBUS_DATA_PORT", "udp://10.0.0.1:1"},  {"EVENTBUS_SOURCE_SERVICE_HOST", "10.0.0.1"}};
  const auto resolved = Configuration::resolve({}, links, {});
  ASSERT_TRUE(resolved);
  EXPECT_THAT(resolved->warnings(), IsEmpty());
  EXPECT_EQ(resolved->text("EVENTBUS_LISTEN"), "127.0.0.1:8000");
  EXPECT_THAT(Configuration::resolve({}, {{"EVENTBUS_PORT", "9000"}}, {})->warnings(),
              ElementsAre("EVENTBUS_PORT is no setting and has no effect; address and port are EVENTBUS_LISTEN"));
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
