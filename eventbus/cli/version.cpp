#include "eventbus/cli/version.hpp"

#include <fmt/format.h>

#include <boost/version.hpp>
#include <ostream>

#include "eventbus/cli/commands.hpp"

namespace eventbus::cli {
namespace {

ExitCode show_version(const Session& session) {
  const auto boost = fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100);
  if (session.json) {
    session.console.out << JsonWriter()
                               .text("version", version())
                               .texts("engines", {"embedded", "production"})
                               .text("compiler", __VERSION__)
                               .text("boost", boost)
                               .done()
                        << "\n";
  } else {
    session.console.out << fmt::format("eventbus {} (engines: embedded, production; compiler {}; Boost {})\n",
                                       version(), __VERSION__, boost);
  }
  return ExitCode::ok;
}

}  // namespace

std::string_view version() {
  return EVENTBUS_VERSION;
}

Command version_command(Session& session) {
  return {.name = "version",
          .summary = "show the version and what it was built with",
          .examples = {{"eventbus version --json | jq -r .version", "for a script"}},
          .run = [&session] { return show_version(session); }};
}

}  // namespace eventbus::cli
