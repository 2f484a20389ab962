#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/cli/setting.hpp"
#include "eventbus/core/error.hpp"

namespace eventbus::cli {

enum class SettingSource : std::uint8_t { preset, file, environment, flag };
std::string_view name_of(SettingSource source);

struct SettingValue {
  const Setting* setting;
  std::string text;
  SettingSource source = SettingSource::preset;
};

/// Texts by name: variables, flags ("--listen") or keys of the file.
using Texts = std::map<std::string, std::string>;

/// The effective settings: flag, else environment, else configuration file, else default. Every value is valid.
class Configuration {
 public:
  /// The error's fields name each wrong value with where it came from and what is allowed. `file` is what `read_toml`
  /// gave.
  static Result<Configuration> resolve(const Texts& flags, const Texts& environment, const Texts& file);

  /// Whether the production engine is meant, else the embedded one.
  bool production() const;
  const std::string& text(std::string_view variable) const;
  std::int64_t count(std::string_view variable) const;
  double seconds(std::string_view variable) const;
  const std::vector<SettingValue>& values() const { return values_; }
  /// Things that are not wrong but worth a line in the log.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  SettingValue& value(std::string_view variable);
  /// Fewer connections at most than at least are refused, or lower the default of the latter.
  void check_pool(std::vector<FieldError>& wrong);

  std::vector<SettingValue> values_;
  std::vector<std::string> warnings_;
};

/// The configuration file: `key = value` for each setting, see `toml_key`. Errors name the line.
Result<Texts> read_toml(const std::string& path);

/// The process's environment.
Texts environment();

/// docs/configuration.md.
std::string configuration_markdown();

}  // namespace eventbus::cli
