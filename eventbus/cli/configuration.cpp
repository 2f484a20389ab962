#include "eventbus/cli/configuration.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "eventbus/cli/console/suggestion.hpp"
#include "eventbus/cli/setting_value.hpp"

namespace eventbus::cli {
namespace {

bool is_set(const Texts& texts, std::string_view name) {
  return texts.contains(std::string(name));
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// What Kubernetes tells every container of the services around it: a service "eventbus" gives EVENTBUS_PORT with the
/// value tcp://10.0.0.1:8000, EVENTBUS_SERVICE_HOST and more.
bool is_service_link(std::string_view name, std::string_view value) {
  if (name.find("_SERVICE_HOST") != std::string_view::npos || name.find("_SERVICE_PORT") != std::string_view::npos)
    return true;
  const auto port = name.rfind("_PORT_");
  if (port == std::string_view::npos) return name.ends_with("_PORT") && value.find("://") != std::string_view::npos;
  auto rest = name.substr(port + 6);
  return is_digits(rest.substr(0, rest.find('_')));
}

/// Half a production engine is a mistake; which half is there, and which is missing.
void check_engine(const Configuration& configuration, std::vector<FieldError>& wrong) {
  const bool database = !configuration.text("DATABASE_URL").empty();
  const bool broker = !configuration.text("RABBITMQ_URL").empty();
  if (database == broker || configuration.text("EVENTBUS_ENGINE") != "auto") return;
  const auto* given = database ? "DATABASE_URL" : "RABBITMQ_URL";
  const auto* missing = database ? "RABBITMQ_URL" : "DATABASE_URL";
  wrong.push_back({missing, fmt::format("is not set, but {} is: the production engine needs both, the embedded engine "
                                        "neither; unset {} to run the embedded engine",
                                        given, given)});
}

/// Messages come from RabbitMQ.
void check_ingest(const Configuration& configuration, std::vector<FieldError>& wrong) {
  if (configuration.production() || configuration.text("EVENTBUS_INGEST_QUEUE").empty()) return;
  wrong.push_back({"EVENTBUS_INGEST_QUEUE",
                   "is set, but the embedded engine has no RabbitMQ to take messages from: set DATABASE_URL and "
                   "RABBITMQ_URL, or unset EVENTBUS_INGEST_QUEUE and publish over HTTP"});
}

void check_unsupported(const Texts& environment, std::vector<FieldError>& wrong, std::vector<std::string>& warnings) {
  for (const auto& variable : unsupported_variables()) {
    if (!is_set(environment, variable.name)) continue;
    if (variable.refuse) {
      wrong.push_back({std::string(variable.name), "is set, but " + std::string(variable.advice)});
    } else {
      warnings.push_back(fmt::format("{} is set, but {}", variable.name, variable.advice));
    }
  }
}

/// A misspelt variable would be ignored in silence; names that resemble none of ours are somebody else's.
void check_misspelt(const Texts& environment, std::vector<std::string>& warnings) {
  std::vector<std::string> known{"EVENTBUS_URL", "EVENTBUS_CRASH_POINT"};
  for (const auto& setting : settings()) known.emplace_back(setting.variable);
  for (const auto& variable : unsupported_variables()) known.emplace_back(variable.name);
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("EVENTBUS_") || std::ranges::find(known, name) != known.end()) continue;
    if (is_service_link(name, value)) continue;
    if (name == "EVENTBUS_PORT" || name == "EVENTBUS_HOST") {
      warnings.push_back(name + " is no setting and has no effect; address and port are EVENTBUS_LISTEN");
      continue;
    }
    std::vector<std::string> near;
    for (const auto& word : known) {
      if (word.size() + 2 >= name.size() && name.size() + 2 >= word.size()) near.push_back(word);
    }
    const auto meant = nearest(name, near);
    if (!meant.empty())
      warnings.push_back(fmt::format("{} is no setting and has no effect; did you mean {}?", name, meant));
  }
}

SettingValue effective(const Setting& setting, const Texts& flags, const Texts& environment, const Texts& file) {
  if (const auto found = flags.find(std::string(setting.flag)); found != flags.end()) {
    return {&setting, found->second, SettingSource::flag};
  }
  if (is_set(environment, setting.variable)) {
    return {&setting, environment.at(std::string(setting.variable)), SettingSource::environment};
  }
  if (const auto found = file.find(toml_key(setting)); found != file.end()) {
    return {&setting, found->second, SettingSource::file};
  }
  return {&setting, std::string(setting.preset), SettingSource::preset};
}

std::string name_in(const SettingValue& value) {
  switch (value.source) {
    case SettingSource::flag:
      return std::string(value.setting->flag);
    case SettingSource::file:
      return toml_key(*value.setting) + " (" + std::string(value.setting->variable) + ")";
    default:
      return std::string(value.setting->variable);
  }
}

std::optional<std::string> fault_of(const SettingValue& value) {
  if (value.source == SettingSource::preset) return std::nullopt;
  const auto fault = fault_of(*value.setting, value.text);
  if (!fault) return std::nullopt;
  return fmt::format("is '{}': {} (from the {})", shown(*value.setting, value.text), *fault, name_of(value.source));
}

}  // namespace

std::string_view name_of(SettingSource source) {
  switch (source) {
    case SettingSource::preset:
      return "default";
    case SettingSource::file:
      return "configuration file";
    case SettingSource::environment:
      return "environment";
    case SettingSource::flag:
      return "command line";
  }
  return {};
}

Result<Configuration> Configuration::resolve(const Texts& flags, const Texts& environment, const Texts& file) {
  Configuration configuration;
  std::vector<FieldError> wrong;
  check_unsupported(environment, wrong, configuration.warnings_);
  check_misspelt(environment, configuration.warnings_);
  for (const auto& setting : settings()) {
    auto value = effective(setting, flags, environment, file);
    if (auto fault = fault_of(value)) wrong.push_back({name_in(value), std::move(*fault)});
    configuration.values_.push_back(std::move(value));
  }
  if (wrong.empty()) {
    configuration.check_pool(wrong);
    check_engine(configuration, wrong);
    check_ingest(configuration, wrong);
  }
  if (!wrong.empty()) return fail(ErrorCode::invalid, "the configuration is wrong", std::move(wrong));
  return configuration;
}

void Configuration::check_pool(std::vector<FieldError>& wrong) {
  auto& min = value("POOL_MIN_SIZE");
  const auto& max = value("POOL_MAX_SIZE");
  if (count("POOL_MIN_SIZE") <= count("POOL_MAX_SIZE")) return;
  if (min.source == SettingSource::preset) {
    min.text = max.text;
    return;
  }
  wrong.push_back({name_in(min), fmt::format("is {}, more than {}, which is {} (from the {}): lower the one or raise "
                                             "the other",
                                             min.text, name_in(max), max.text, name_of(max.source))});
}

SettingValue& Configuration::value(std::string_view variable) {
  return *std::ranges::find(values_, variable, [](const auto& value) { return value.setting->variable; });
}

bool Configuration::production() const {
  const auto& engine = text("EVENTBUS_ENGINE");
  return engine == "production" || (engine == "auto" && !text("DATABASE_URL").empty());
}

const std::string& Configuration::text(std::string_view variable) const {
  return std::ranges::find(values_, variable, [](const auto& value) { return value.setting->variable; })->text;
}

std::int64_t Configuration::count(std::string_view variable) const {
  const auto& value = text(variable);
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

double Configuration::seconds(std::string_view variable) const {
  const auto& value = text(variable);
  double number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

Texts environment() {
  Texts texts;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) texts.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return texts;
}

std::string configuration_markdown() {
  std::string out =
      "# Configuration\n\nWritten by `eventbus config --markdown`; a test compares it with the program.\n\n"
      "A command-line flag wins over the environment, that over the file given with `--config`, that over the default. "
      "A "
      "wrong value stops\nthe start with its name, the value and what is allowed. `eventbus config` shows the "
      "effective "
      "values and where each comes from.\nAn empty value is a wrong one: leave out what you don't set. White space at "
      "either end and control characters are refused, too. Variables that "
      "Kubernetes\nsets for a service called eventbus (`EVENTBUS_PORT=tcp://…`, `EVENTBUS_SERVICE_HOST`, …) are not "
      "looked at.\n\n| variable | flag | file | default | |\n|---|---|---|---|---|\n";
  for (const auto& setting : settings()) {
    out += fmt::format("| `{}` | `{} {}` | `{}` | `{}` | {}; {} |\n", setting.variable, setting.flag,
                       setting.placeholder, toml_key(setting), setting.preset, setting.help, allowed(setting));
  }
  out += "\nVariables that this version knows but does not support:\n\n| variable | when set | |\n|---|---|---|\n";
  for (const auto& variable : unsupported_variables()) {
    out += fmt::format("| `{}` | {} | {} |\n", variable.name, variable.refuse ? "refuses to start" : "warns",
                       variable.advice);
  }
  out +=
      "\nThe file is TOML:\n\n```toml\nlisten = \"0.0.0.0:8000\"\ndata_dir = \"/var/lib/eventbus\"\nbatch_size = "
      "200\n```\n";
  return out;
}

}  // namespace eventbus::cli
