#include <ostream>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/console/table.hpp"
#include "eventbus/cli/setting_options.hpp"
#include "eventbus/cli/setting_value.hpp"

namespace eventbus::cli {
namespace {

void print_json(const Session& session, const Configuration& configuration) {
  JsonWriter values;
  for (const auto& value : configuration.values()) {
    values.raw(
        value.setting->variable,
        JsonWriter().text("value", shown(*value.setting, value.text)).text("source", name_of(value.source)).done());
  }
  session.console.out << values.done() << "\n";
}

void print_table(const Session& session, const Configuration& configuration) {
  Table table({{"VARIABLE"}, {"FLAG"}, {"VALUE", Align::left, true}, {"SOURCE"}});
  for (const auto& value : configuration.values()) {
    table.add({std::string(value.setting->variable), std::string(value.setting->flag),
               shown(*value.setting, value.text), std::string(name_of(value.source))});
  }
  session.console.out << table.text(session.console);
}

ExitCode config(const Session& session, const SettingOptions& options, bool markdown) {
  if (markdown) {
    session.console.out << configuration_markdown();
    return ExitCode::ok;
  }
  const auto configuration = options.resolve();
  for (const auto& warning : configuration.warnings()) session.console.err << "warning: " << warning << "\n";
  if (session.json) {
    print_json(session, configuration);
  } else {
    print_table(session, configuration);
  }
  return ExitCode::ok;
}

}  // namespace

Command config_command(Session& session) {
  auto settings = std::make_shared<SettingOptions>();
  auto markdown = std::make_shared<bool>(false);
  auto options = settings->options();
  options.push_back({"--markdown", "", "the reference of all settings", markdown.get()});
  return {.name = "config",
          .summary = "show the effective settings of the server and where each comes from",
          .details = "Command line, else environment, else --config file, else default. Passwords are masked.",
          .options = std::move(options),
          .examples = {{"eventbus config --config /etc/eventbus.toml", "what the server would run with"},
                       {"LOG_LEVEL=DEBUG eventbus config --json | jq .LOG_LEVEL", "one setting"}},
          .run = [&session, settings, markdown] { return config(session, *settings, *markdown); }};
}

}  // namespace eventbus::cli
