#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace eventbus {

enum class LogLevel : std::uint8_t { trace, debug, info, warning, error, critical, off };
enum class LogFormat : std::uint8_t { text, json };

std::optional<LogLevel> parse_log_level(std::string_view name);  ///< Case-insensitive; WARN and WARNING are one.

struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

/// Where all log lines go (standard error) and how. Call once at start, before threads. Default: INFO, text.
void configure_logging(LogLevel level, LogFormat format, bool colour);

bool log_enabled(LogLevel level);

/// Writes one line: time, level, message and fields. Never payloads or secrets at INFO or above. Thread-safe; control
/// characters of values are escaped, so that no value can forge a line. The message says what happened and, where
/// something failed, what happens next. At most 20 lines of a message a minute (LineBudget), but all at level DEBUG.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

inline void log_info(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::info, message, fields);
}
inline void log_warning(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::warning, message, fields);
}
inline void log_error(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::error, message, fields);
}

}  // namespace eventbus
