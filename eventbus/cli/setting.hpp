#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eventbus::cli {

enum class SettingKind : std::uint8_t { text, address, path, choice, count, seconds, database, broker, queues };

/// One thing that can be configured: the one place that knows its names, default and bounds. Parsing, `eventbus
/// config`, the help of `serve` and docs/configuration.md are made from it.
struct Setting {
  std::string_view variable;  ///< Environment, e.g. "EVENTBUS_LISTEN".
  std::string_view flag;      ///< Command line, e.g. "--listen".
  std::string_view placeholder;
  std::string_view preset;  ///< Default, written as a user would.
  SettingKind kind;
  std::string_view help;          ///< What it does, and what raising and lowering it costs.
  std::string_view choices = {};  ///< Comma-separated, for `choice`.
  std::int64_t min = 0;           ///< For `count` and `seconds`.
  std::int64_t max = 0;
  bool secret = false;  ///< Holds a password, which is never shown.
};

std::span<const Setting> settings();

/// The words of a comma-separated list.
std::vector<std::string_view> words_of(std::string_view list);
/// Key in the configuration file: the flag without dashes in front, '_' for '-'.
std::string toml_key(const Setting& setting);
/// A variable that other versions or engines know. Asking for security or storage that this program does not give stops
/// the start; asking for more telemetry is worth a warning.
struct UnsupportedVariable {
  std::string_view name;
  bool refuse;
  std::string_view advice;
};
std::span<const UnsupportedVariable> unsupported_variables();

}  // namespace eventbus::cli
