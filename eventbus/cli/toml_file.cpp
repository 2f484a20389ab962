#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "eventbus/cli/configuration.hpp"
#include "eventbus/cli/console/suggestion.hpp"

namespace eventbus::cli {
namespace {

std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  return std::nullopt;
}

}  // namespace

Result<Texts> read_toml(const std::string& path) {
  toml::table table;
  try {
    table = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    const auto where = line > 0 ? fmt::format("{} line {}", path, line) : path;
    return fail(ErrorCode::invalid,
                fmt::format("the configuration file can't be read: {}: {}", where, error.description()));
  }
  std::vector<std::string> known;
  for (const auto& setting : settings()) known.push_back(toml_key(setting));
  Texts texts;
  std::vector<FieldError> wrong;
  for (const auto& [name, node] : table) {
    const std::string key(name.str());
    const auto where = fmt::format("in {} line {}", path, static_cast<unsigned>(name.source().begin.line));
    if (std::ranges::find(known, key) == known.end()) {
      wrong.push_back({key, where + " is no setting" + did_you_mean(key, known)});
    } else if (auto text = text_of(node)) {
      texts.emplace(key, std::move(*text));
    } else {
      wrong.push_back({key, where + " is no text or number"});
    }
  }
  if (!wrong.empty()) return fail(ErrorCode::invalid, "the configuration is wrong", std::move(wrong));
  return texts;
}

}  // namespace eventbus::cli
