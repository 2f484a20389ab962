#include "eventbus/cli/console/command.hpp"

#include <gmock/gmock.h>

#include <iostream>

#include "eventbus/cli/console/completion.hpp"
#include "eventbus/cli/console/help.hpp"

namespace eventbus::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Sample {
  std::string url = "http://here";
  std::string queue;
  std::string order = "asc";
  std::int64_t limit = 100;
  std::vector<std::string> bind;
  std::optional<double> backoff;
  bool all = false;
  Program program{
      .root = {.name = "eventbus",
               .summary = "publish and consume events",
               .subcommands =
                   {{.name = "queues",
                     .summary = "work with queues",
                     .subcommands = {{.name = "show",
                                      .summary = "show a queue",
                                      .options = {{"QUEUE", "", "the queue", &queue, true},
                                                  {"--limit", "N", "most rows", &limit, false, {}, 1, 10000},
                                                  {"--order", "ORDER", "direction", &order, false, {"asc", "desc"}},
                                                  {"-b,--bind", "PATTERN", "pattern", &bind},
                                                  {"--backoff", "FACTOR", "growth", &backoff, false, {}, 1, 100},
                                                  {"--all", "", "everything", &all}},
                                      .examples = {{"eventbus queues show mail", "one queue"}},
                                      .run = [] { return ExitCode::ok; }},
                                     {.name = "serve", .summary = "named like another command", .run = {}}}},
                    {.name = "serve", .summary = "run the server", .run = [] { return ExitCode::ok; }}}},
      .global_options = {{"--url", "URL", "the server", &url}}};

  std::expected<Invocation, std::string> parse(std::vector<std::string> arguments) const {
    return parse_arguments(program, arguments);
  }
  std::string error(std::vector<std::string> arguments) const {
    auto parsed = parse(std::move(arguments));
    return parsed ? "no error" : parsed.error();
  }
};

TEST(Arguments, FillTheTargets) {
  Sample sample;
  const auto parsed = sample.parse({"queues", "show", "mail", "--limit=5", "-b", "a.*", "--bind", "b.#", "--all",
                                    "--url", "http://there", "--backoff", "1.5"});
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(path_text(parsed->path), "eventbus queues show");
  EXPECT_EQ(sample.queue, "mail");
  EXPECT_EQ(sample.limit, 5);
  EXPECT_THAT(sample.bind, ElementsAre("a.*", "b.#"));
  EXPECT_EQ(sample.backoff, 1.5);
  EXPECT_TRUE(sample.all);
  EXPECT_EQ(sample.url, "http://there");
}

TEST(Arguments, MayBeNamedLikeACommand) {
  Sample sample;
  ASSERT_TRUE(sample.parse({"queues", "show", "serve"}));
  EXPECT_EQ(sample.queue, "serve");
}

TEST(Arguments, ErrorsNameTheFaultAndTheNearestWord) {
  Sample sample;
  EXPECT_THAT(sample.error({"srve"}), StartsWith("unknown command 'srve'; did you mean serve?\nsee: eventbus --help"));
  EXPECT_THAT(sample.error({"queues", "shwo"}), StartsWith("unknown command 'shwo'; did you mean show?"));
  EXPECT_THAT(sample.error({"queues", "show", "q", "--limti", "5"}),
              StartsWith("unknown option --limti; did you mean --limit?"));
  EXPECT_THAT(sample.error({"queues", "show", "q", "--zzz=5"}), StartsWith("unknown option --zzz\n"));
  EXPECT_THAT(sample.error({"queues", "show", "q", "r"}), StartsWith("'r' is one argument too many"));
  EXPECT_THAT(sample.error({"queues", "show"}), StartsWith("QUEUE is missing\nsee: eventbus queues show --help"));
  EXPECT_THAT(sample.error({"queues", "show", "q", "--limit", "0"}),
              StartsWith("--limit is '0': a whole number from 1 to 10000 is expected"));
  EXPECT_THAT(sample.error({"queues", "show", "q", "--limit", "5x"}), StartsWith("--limit is '5x'"));
  EXPECT_THAT(sample.error({"queues", "show", "q", "--backoff", "x"}),
              StartsWith("--backoff is 'x': a number from 1 to 100"));
  EXPECT_THAT(sample.error({"queues", "show", "q", "--order", "des"}),
              StartsWith("--order is 'des': allowed are asc, desc; did you mean desc?"));
  EXPECT_THAT(sample.error({"queues", "show", "q", "--limit"}), HasSubstr("--limit"));
}

TEST(Arguments, HelpWinsOverMissingOnes) {
  Sample sample;
  const auto parsed = sample.parse({"queues", "show", "--help"});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->help);
}

TEST(Help, ShowsUsageOptionsDefaultsAndExamples) {
  Sample sample;
  const Console console{.in = std::cin, .out = std::cout, .err = std::cerr};
  const auto text = help_text(sample.program, sample.parse({"queues", "show", "-h"})->path, console);
  EXPECT_THAT(text, AllOf(StartsWith("Show a queue.\n\nUsage\n  eventbus queues show [OPTIONS] QUEUE\n"),
                          HasSubstr("      --limit N"), HasSubstr("most rows [default: 100]"),
                          HasSubstr("  -b, --bind PATTERN"), HasSubstr("direction (asc, desc) [default: asc]"),
                          HasSubstr("# one queue\n  eventbus queues show mail\n"), HasSubstr("-h, --help")));
}

TEST(Help, ReferenceHoldsEveryCommand) {
  Sample sample;
  EXPECT_THAT(reference_markdown(sample.program),
              AllOf(HasSubstr("## `eventbus queues`"), HasSubstr("### `eventbus queues show`"),
                    HasSubstr("| `--limit N` | most rows [default: 100] |"), HasSubstr("## `eventbus serve`")));
}

TEST(Completion, KnowsCommandsOptionsAndChoices) {
  Sample sample;
  EXPECT_THAT(bash_completion(sample.program), AllOf(HasSubstr("'') words='queues serve --help --url' ;;"),
                                                     HasSubstr("'queues') words='show serve --help"),
                                                     HasSubstr("'queues show --order') words='asc desc' ;;")));
  EXPECT_THAT(zsh_completion(sample.program),
              AllOf(HasSubstr("'--order[direction]:ORDER:(asc desc)'"), Not(HasSubstr("QUEUE"))));
  EXPECT_THAT(fish_completion(sample.program), HasSubstr("-l order -d 'direction' -r -f -a 'asc desc'"));
}

}  // namespace
}  // namespace eventbus::cli
