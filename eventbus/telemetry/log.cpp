#include "eventbus/telemetry/log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cctype>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <vector>

#include "eventbus/telemetry/line_budget.hpp"

namespace eventbus {
namespace {

struct LevelName {
  LogLevel level;
  std::string_view name;
  std::string_view colour;
};

constexpr std::array<LevelName, 7> level_names{{{LogLevel::trace, "TRACE", "\033[2m"},
                                                {LogLevel::debug, "DEBUG", "\033[2m"},
                                                {LogLevel::info, "INFO", "\033[32m"},
                                                {LogLevel::warning, "WARNING", "\033[33m"},
                                                {LogLevel::error, "ERROR", "\033[31m"},
                                                {LogLevel::critical, "CRITICAL", "\033[1;31m"},
                                                {LogLevel::off, "OFF", ""}}};

struct Output {
  std::shared_ptr<spdlog::logger> logger = make_logger();
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  bool colour = false;
  std::mutex mutex = {};  ///< Of the budget.
  LineBudget budget = {};

  LineBudget::Verdict spend(std::string_view message) {
    const std::scoped_lock lock(mutex);
    return budget.spend(message, std::chrono::steady_clock::now());
  }
  static std::shared_ptr<spdlog::logger> make_logger() {
    auto made = std::make_shared<spdlog::logger>("eventbus", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }
};

Output& output() {
  static Output instance;
  return instance;
}

const LevelName& name_of(LogLevel level) {
  return level_names.at(static_cast<std::size_t>(level));
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

bool plain(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '\\' || c == '=' || c == 0x7f) return false;
  }
  return !text.empty();
}

struct AppendValue {
  std::string& out;
  bool always_quote;
  void operator()(std::string_view text) const {
    if (always_quote || !plain(text)) {
      append_quoted(out, text);
    } else {
      out += text;
    }
  }
  void operator()(std::int64_t number) const { out += fmt::to_string(number); }
  void operator()(double number) const { out += std::isfinite(number) ? fmt::format("{:.6g}", number) : "null"; }
  void operator()(bool truth) const { out += truth ? "true" : "false"; }
};

std::string time_text() {
  const auto now = std::chrono::system_clock::now();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06d}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), micros);
}

using Fields = std::vector<LogField>;

std::string json_line(LogLevel level, std::string_view message, const Fields& fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","message":)", time_text(), name_of(level).name);
  append_quoted(line, message);
  for (const auto& field : fields) {
    line += ',';
    append_quoted(line, field.key);
    line += ':';
    std::visit(AppendValue{line, true}, field.value);
  }
  return line += '}';
}

std::string text_line(LogLevel level, std::string_view message, const Fields& fields, bool colour) {
  const auto& named = name_of(level);
  std::string line =
      fmt::format("{} {}{:<8}{} ", time_text(), colour ? named.colour : "", named.name, colour ? "\033[0m" : "");
  append_escaped(line, message);
  for (const auto& field : fields) {
    line += fmt::format("  {}=", field.key);
    std::visit(AppendValue{line, false}, field.value);
  }
  return line;
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
  std::string upper;
  for (const char c : name) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == "WARN") upper = "WARNING";
  for (const auto& named : level_names) {
    if (named.name == upper) return named.level;
  }
  return std::nullopt;
}

void configure_logging(LogLevel level, LogFormat format, bool colour) {
  auto& out = output();
  out.level = level;
  out.format = format;
  out.colour = colour;
}

bool log_enabled(LogLevel level) {
  return level >= output().level && level != LogLevel::off;
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> given) {
  if (!log_enabled(level)) return;
  auto& out = output();
  Fields fields(given);
  if (!log_enabled(LogLevel::debug)) {
    const auto verdict = out.spend(message);
    if (!verdict.write) return;
    if (verdict.left_out > 0) fields.push_back({"left_out", static_cast<std::int64_t>(verdict.left_out)});
    if (verdict.last) fields.push_back({"next_ones", "are left out for a minute"});
  }
  const auto line =
      out.format == LogFormat::json ? json_line(level, message, fields) : text_line(level, message, fields, out.colour);
  out.logger->log(spdlog::level::info, spdlog::string_view_t(line));
}

}  // namespace eventbus
