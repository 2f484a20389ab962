#include "eventbus/cli/application.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "eventbus/cli/configuration.hpp"
#include "eventbus/cli/console/help.hpp"

namespace eventbus::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Ran {
  ExitCode code;
  std::string out;
  std::string err;
};

Ran run(const std::vector<std::string>& arguments) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{.in = in, .out = out, .err = err};
  const auto code = run_application(arguments, console);
  return {code, out.str(), err.str()};
}

std::string document(std::string_view name) {
  const auto path = std::filesystem::path(EVENTBUS_DOCS_DIR) / name;
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void for_each_command(const Command& command, const std::function<void(const Command&)>& check) {
  check(command);
  for (const auto& child : command.subcommands) for_each_command(child, check);
}

TEST(Application, WithoutArgumentsHelps) {
  const auto ran = run({});
  EXPECT_EQ(ran.code, ExitCode::ok);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("eventbus COMMAND"), HasSubstr("dead-letters"), HasSubstr("Exit codes")));
}

TEST(Application, GroupWithoutCommandHelpsButFails) {
  const auto ran = run({"queues"});
  EXPECT_EQ(ran.code, ExitCode::usage);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("eventbus queues COMMAND"));
}

TEST(Application, UnknownWordsAreUsageErrors) {
  const auto ran = run({"pubish"});
  EXPECT_EQ(ran.code, ExitCode::usage);
  EXPECT_THAT(ran.err, StartsWith("eventbus: unknown command 'pubish'; did you mean publish?"));
}

TEST(Application, NobodyThereIsACodeOfItsOwn) {
  const auto ran = run({"queues", "list", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(ran.code, ExitCode::unreachable);
  EXPECT_THAT(ran.err, HasSubstr("start it with: eventbus serve"));
}

TEST(Application, WrongUrlIsAUsageError) {
  const auto ran = run({"queues", "list", "--url", "localhost"});
  EXPECT_EQ(ran.code, ExitCode::usage);
  EXPECT_THAT(ran.err, HasSubstr("--url (or EVENTBUS_URL): 'localhost' is no server URL"));
  EXPECT_EQ(
      run({"queues", "list", "--url", ""}).err,
      "eventbus: --url (or EVENTBUS_URL): '' is no server URL: it is empty; write it like http://127.0.0.1:8000\n");
  EXPECT_THAT(run({"queues", "list", "--url", "http://h:8000\n"}).err,
              HasSubstr("'http://h:8000\\n' is no server URL"));
  EXPECT_THAT(run({"queues", "list", "--url", "http://u:s3cret@h"}).err, HasSubstr("'http://****@h' is no server URL"));
}

TEST(Application, OptionsThatExcludeEachOtherAreUsageErrors) {
  EXPECT_EQ(run({"publish", "--payload", "{}"}).code, ExitCode::usage);
  EXPECT_EQ(run({"publish", "x.ndjson", "--type", "a"}).code, ExitCode::usage);
  EXPECT_EQ(run({"publish", "/nowhere/x.ndjson"}).code, ExitCode::usage);
  EXPECT_EQ(run({"subscribe", "q", "--ack", "--no-ack"}).code, ExitCode::usage);
  EXPECT_EQ(run({"dead-letters", "redrive", "q"}).code, ExitCode::usage);
  EXPECT_EQ(run({"dead-letters", "delete", "q", "--all", "--reason", "x"}).code, ExitCode::usage);
  EXPECT_EQ(run({"queues", "declare", "q"}).code, ExitCode::usage);
}

TEST(Application, PayloadFaultsAreFoundBeforeSending) {
  const auto ran = run({"publish", "--type", "a", "--payload", "{\"a\": }", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(ran.code, ExitCode::usage);
  EXPECT_THAT(ran.err, HasSubstr("--payload: "));
}

TEST(Application, WrongSettingsStopTheStart) {
  const auto ran = run({"serve", "--batch-size", "none", "--data-dir", "/nowhere"});
  EXPECT_EQ(ran.code, ExitCode::usage);
  EXPECT_EQ(ran.err,
            "eventbus: --batch-size is 'none': a whole number from 1 to 100000 is allowed (from the command line)\n");
}

TEST(Application, ConfigShowsValuesAndSources) {
  const auto ran = run({"config", "--listen", "127.0.0.1:9", "--json"});
  EXPECT_EQ(ran.code, ExitCode::ok);
  EXPECT_THAT(ran.out, HasSubstr(R"("EVENTBUS_LISTEN":{"value":"127.0.0.1:9","source":"command line"})"));
}

TEST(Application, ConfigMasksThePasswordOnly) {
  const auto ran = run({"config", "--json", "--database-url", "host=db.example user=ann password=s3cret dbname=d",
                        "--rabbitmq-url", "amqp://ann:s3cret@mq.example:5672/v"});
  EXPECT_EQ(ran.code, ExitCode::ok);
  EXPECT_THAT(ran.out, AllOf(HasSubstr(R"("host=db.example user=ann password=**** dbname=d")"),
                             HasSubstr(R"("amqp://ann:****@mq.example:5672/v")")));
}

TEST(Application, HelpNamesACommandByWords) {
  EXPECT_EQ(run({"help", "queues", "show"}).out, run({"queues", "show", "--help"}).out);
  EXPECT_EQ(run({"help", "quees"}).code, ExitCode::usage);
}

TEST(Application, VersionIsACommandAndAnOption) {
  EXPECT_THAT(run({"version"}).out, StartsWith("eventbus "));
  EXPECT_EQ(run({"--version"}).out, run({"version"}).out);
}

TEST(Application, CompletionIsPrintedForEachShell) {
  EXPECT_THAT(run({"completion", "bash"}).out, HasSubstr("complete -o default -F _eventbus eventbus"));
  EXPECT_THAT(run({"completion", "zsh"}).out, StartsWith("#compdef eventbus"));
  EXPECT_THAT(run({"completion", "fish"}).out, HasSubstr("complete -c eventbus"));
  EXPECT_EQ(run({"completion", "tcsh"}).code, ExitCode::usage);
}

TEST(Application, EveryCommandHasExamples) {
  std::ostringstream out;
  std::istringstream in;
  Console console{.in = in, .out = out, .err = out};
  Session session{.console = console};
  for_each_command(make_program(session).root, [](const Command& command) {
    EXPECT_FALSE(command.summary.empty()) << command.name;
    if (command.subcommands.empty()) {
      EXPECT_FALSE(command.examples.empty()) << command.name;
    }
  });
}

TEST(Documents, AreWhatTheProgramPrints) {
  EXPECT_TRUE(document("command-line.md") == run({"help", "--markdown"}).out)
      << "write it anew: build/dev/eventbus help --markdown > docs/command-line.md";
  EXPECT_TRUE(document("configuration.md") == run({"config", "--markdown"}).out)
      << "write it anew: build/dev/eventbus config --markdown > docs/configuration.md";
}

}  // namespace
}  // namespace eventbus::cli
