#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "eventbus/cli/console/exit_code.hpp"
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
