#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "eventbus/cli/console/exit_code.hpp"
#include "eventbus/cli/event_input.hpp"
#include "eventbus/cli/event_view.hpp"
#include "eventbus/cli/handler_process.hpp"
#include "eventbus/cli/input_file.hpp"

#include "eventbus/cli/reconnect.hpp"

namespace eventbus::cli {
namespace {

using ::testing::HasSubstr;

class Folder : public ::testing::Test {
 public:
  Folder() { std::filesystem::create_directories(path_); }
  ~Folder() override { std::filesystem::remove_all(path_); }

 protected:
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  std::filesystem::path path_ = std::filesystem::temp_directory_path() / ("eventbus-cli-" + std::to_string(getpid()));
};
using InputFileTest = Folder;
using HandlerTest = Folder;

std::string read_all(InputFile& file) {
  std::string whole;
  for (auto part = file.read(); !part.empty(); part = file.read()) whole += part;
  return whole;
}

std::string gzip(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  std::ifstream packed(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(packed), {}};
}

std::string error_of(const std::string& path) {
  try {
    InputFile file(path);
    read_all(file);
  } catch (const CommandFailed& failure) {
    return failure.what();
  }
  return "no error";
}

TEST_F(InputFileTest, ReadsPlainFiles) {
  InputFile file(write("a", "one\ntwo\n"));
  EXPECT_EQ(read_all(file), "one\ntwo\n");
  EXPECT_EQ(file.fraction(), 1);
}

TEST_F(InputFileTest, UnpacksGzipOfSeveralMembers) {
  const std::string text(300000, 'x');
  const auto member = gzip(path_ / "member", text);
  InputFile file(write("b", member + member));
  EXPECT_EQ(read_all(file), text + text);
}

TEST_F(InputFileTest, NamesWhatIsWrong) {
  EXPECT_THAT(error_of(path_ / "missing"), HasSubstr("missing: No such file"));
  EXPECT_THAT(error_of(path_), HasSubstr("it is a directory"));
  const auto member = gzip(path_ / "member", std::string(100000, 'x'));
  EXPECT_THAT(error_of(write("cut", member.substr(0, member.size() / 2))), HasSubstr("ends too early"));
  EXPECT_THAT(error_of(write("damaged", member.substr(0, 10) + "garbage")), HasSubstr("damaged"));
}

using EventInputTest = Folder;

std::string read_all(EventInput& input) {
  std::string whole;
  for (auto part = input.read(); !part.empty(); part = input.read()) whole += part;
  return whole;
}

TEST_F(EventInputTest, LeavesLinesAsTheyAre) {
  for (const std::string text :
       {"", "\n", "{\"a\":1}", "{\"a\":1}\n", "\n{\"a\":1}\r\n \n{\"b\":[\n]\n", "\177ELF\n\n"}) {
    EventInput input(write("events", text));
    EXPECT_EQ(read_all(input), text);
    EXPECT_EQ(input.fault(), "");
  }
}

TEST_F(EventInputTest, KnowsTheLinesOfEvents) {
  EventInput input(write("events", "\n{\"a\":1}\n{\"b\":1}\n  \r\n\n{\"c\":1}"));
  read_all(input);
  ASSERT_EQ(input.events(), 3U);
  EXPECT_EQ(input.place_of(0), "line 2");
  EXPECT_EQ(input.place_of(1), "line 3");
  EXPECT_EQ(input.place_of(2), "line 6");
}

TEST_F(EventInputTest, TakesArraysApart) {
  EventInput input(write("events", " [{\"a\":\"],[\\\\\\\"\"} , {\"b\":\n[1,\r\n2]},\n\n7,\"x,y\" {}\n] \n"));
  EXPECT_EQ(read_all(input), "{\"a\":\"],[\\\\\\\"\"} \n{\"b\": [1,  2]}\n\n\n7\n\"x,y\" {} \n");
  EXPECT_EQ(input.fault(), "");
  EXPECT_EQ(input.place_of(1), "event 2 (line 1)");
  EXPECT_EQ(input.place_of(2), "event 3 (line 5)");
  EventInput none(write("events", "[ ]\n"));
  EXPECT_EQ(read_all(none), "");
  EXPECT_EQ(none.fault(), "");
}

TEST_F(EventInputTest, TakesTextsOverSeveralLinesApart) {
  EventInput input(write("events", "{\n  \"a\": {}\n}\n{\n  \"b\": 1\n}\n{\"c\":1}{\"d\":1}"));
  EXPECT_EQ(read_all(input), "{   \"a\": {} }\n\n\n{   \"b\": 1 }\n\n\n{\"c\":1}\n{\"d\":1}\n");
  EXPECT_EQ(input.place_of(1), "event 2 (line 4)");
}

TEST_F(EventInputTest, NamesTheLineWhereAnArrayIsBroken) {
  const std::vector<std::array<std::string, 3>> table{{"[{\"a\":1},\n{\"b\":1}\n", "line 3: the array has no ]", "2"},
                                                      {"[", "line 1: the array has no ]", "0"},
                                                      {"[{\"a\":1},\n]", "line 2: an event is missing", "1"},
                                                      {"[,{}]", "line 1: an event is missing", "0"},
                                                      {"[{}]\n\n[{}]", "line 3: after the array's ]", "1"}};
  for (const auto& [text, fault, events] : table) {
    EventInput input(write("events", text));
    read_all(input);
    EXPECT_THAT(input.fault(), HasSubstr(fault)) << text;
    EXPECT_EQ(std::to_string(input.events()), events) << text;
  }
}

TEST_F(EventInputTest, EndsWhereThePackedFileIsDamaged) {
  const auto packed = gzip(path_ / "whole.gz", "{\"a\":1}\n{\"b\":1}\n");
  EventInput input(write("cut.gz", packed.substr(0, packed.size() - 9)));
  read_all(input);
  EXPECT_THAT(input.fault(), HasSubstr("is damaged"));
}

TEST_F(EventInputTest, IsTheSameHoweverLargeTheInput) {
  std::string array = "[";
  std::string lines;
  for (int number = 0; number < 200'000; ++number) {
    array += (number == 0 ? "" : ",") + std::string("{\"n\":") + std::to_string(number) + "}";
    lines += "{\"n\":" + std::to_string(number) + "}\n";
  }
  EventInput input(write("events", array + "]"));
  EXPECT_TRUE(read_all(input) == lines);
  EXPECT_EQ(input.place_of(199'999), "event 200000");
}

TEST_F(HandlerTest, GivesInputEnvironmentAndStatus) {
  const auto out = path_ / "out";
  const HandlerRun run{
      .command = "cat > " + out.string() + "; echo \"$EVENTBUS_EVENT_ID\" >> " + out.string() + "; exit 7",
      .input = "{}\n",
      .environment = {{"EVENTBUS_EVENT_ID", "id 1"}}};
  EXPECT_EQ(run_handler(run, std::chrono::seconds(60), [] {}), 7);
  InputFile written(out);
  EXPECT_EQ(read_all(written), "{}\nid 1\n");
}

TEST_F(HandlerTest, NeedNotReadItsInput) {
  std::signal(SIGPIPE, SIG_IGN);
  const HandlerRun run{.command = "exec true", .input = std::string(1 << 20, 'x'), .environment = {}};
  EXPECT_EQ(run_handler(run, std::chrono::seconds(60), [] {}), 0);
}

TEST_F(HandlerTest, TellsASignalAsShellsDo) {
  const HandlerRun run{.command = "kill -9 $$", .input = "", .environment = {}};
  EXPECT_EQ(run_handler(run, std::chrono::seconds(60), [] {}), 137);
}

TEST_F(HandlerTest, ReportsWhileItRuns) {
  const auto go = path_ / "go";
  const HandlerRun run{.command = "while [ ! -e " + go.string() + " ]; do :; done", .input = "", .environment = {}};
  int calls = 0;
  const auto called = [&] {
    if (++calls == 2) write("go", "");
  };
  EXPECT_EQ(run_handler(run, std::chrono::milliseconds(1), called), 0);
  EXPECT_GE(calls, 2);
}

TEST(PrettyJson, IndentsWithoutTouchingValues) {
  EXPECT_EQ(pretty_json(R"({"a":[1,{"b":"x:,{\"}"}],"c":{},"d":[]})"),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x:,{\\\"}\"\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}");
}

TEST(Reconnect, TellsOnlyTheFirstFailure) {
  Reconnect reconnect;
  EXPECT_TRUE(reconnect.first_failure());
  EXPECT_FALSE(reconnect.first_failure());
  reconnect.reached();
  EXPECT_TRUE(reconnect.first_failure());
  reconnect.stop();
  EXPECT_FALSE(reconnect.wait());
}

}  // namespace
}  // namespace eventbus::cli
