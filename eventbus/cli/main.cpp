#include <csignal>
#include <string>
#include <vector>

#include "eventbus/cli/application.hpp"

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  auto console = eventbus::cli::Console::standard();
  const std::vector<std::string> words(arguments + 1, arguments + count);
  const auto code = eventbus::cli::run_application(words, console);
  console.out.flush();
  return static_cast<int>(code);
}
