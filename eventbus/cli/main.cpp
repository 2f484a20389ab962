#include <unistd.h>

#include <csignal>
#include <iostream>
#include <ostream>
#include <string>
#include <vector>

#include "eventbus/cli/application.hpp"
#include "eventbus/cli/console/output.hpp"

int main(int count, char** arguments) {
  using namespace eventbus::cli;
  std::signal(SIGPIPE, SIG_IGN);
  hold_standard_descriptors();
  OutputBuffer buffer(STDOUT_FILENO);
  std::ostream out(&buffer);
  out.exceptions(std::ios::badbit);
  std::cerr.tie(&out);  // what was printed before a hint or an error is seen before it
  auto console = Console::standard(out);
  const auto code = run_application(std::vector<std::string>(arguments + 1, arguments + count), console);
  std::cerr.tie(nullptr);
  return static_cast<int>(code);
}
