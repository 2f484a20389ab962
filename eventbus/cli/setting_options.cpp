#include "eventbus/cli/setting_options.hpp"

#include <fmt/format.h>

namespace eventbus::cli {
namespace {

[[noreturn]] void refuse(const Error& error) {
  if (error.fields.empty()) throw CommandFailed(ExitCode::usage, error.detail);
  std::string text;
  for (const auto& [field, message] : error.fields)
    text += fmt::format("{}{} {}", text.empty() ? "" : "\n  ", field, message);
  throw CommandFailed(ExitCode::usage, text);
}

}  // namespace

SettingOptions::SettingOptions() : values_(settings().size()) {}

std::vector<Option> SettingOptions::options() {
  std::vector<Option> options{{"--config", "FILE", "configuration file (TOML)", &file_}};
  for (std::size_t at = 0; at < values_.size(); ++at) {
    const auto& setting = settings()[at];
    options.push_back({.names = std::string(setting.flag),
                       .placeholder = std::string(setting.placeholder),
                       .help = fmt::format("{} ({})", setting.help, setting.variable),
                       .target = &values_[at],
                       .preset = std::string(setting.preset)});
  }
  return options;
}

Configuration SettingOptions::resolve() const {
  Texts flags;
  for (std::size_t at = 0; at < values_.size(); ++at) {
    if (values_[at]) flags.emplace(settings()[at].flag, *values_[at]);
  }
  Texts file;
  if (!file_.empty()) {
    auto read = read_toml(file_);
    if (!read) refuse(read.error());
    file = std::move(*read);
  }
  auto resolved = Configuration::resolve(flags, environment(), file);
  if (!resolved) refuse(resolved.error());
  return std::move(*resolved);
}

}  // namespace eventbus::cli
