#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <map>

#include "eventbus/cli/console/command.hpp"
#include "eventbus/cli/console/help.hpp"
#include "eventbus/cli/console/read_number.hpp"
#include "eventbus/cli/console/suggestion.hpp"

namespace eventbus::cli {
namespace {

using Values = std::vector<std::string>;
using Refusal = std::optional<std::string>;

std::string allowed_numbers(const Option& option, std::string_view kind) {
  if (option.max == std::numeric_limits<std::int64_t>::max()) return fmt::format("{} from {}", kind, option.min);
  return fmt::format("{} from {} to {}", kind, option.min, option.max);
}

template <class Number>
Refusal store_number(const Option& option, const std::string& text, auto& target) {
  const auto number = read_number<Number>(text);
  if (!number || *number < static_cast<Number>(option.min) || *number > static_cast<Number>(option.max)) {
    const auto* kind = std::is_integral_v<Number> ? "a whole number" : "a number";
    return fmt::format("{} is '{}': {} is expected", option.long_name(), text, allowed_numbers(option, kind));
  }
  const Number value = *number;
  target = value;
  return std::nullopt;
}

/// Puts the last value (of a list: all) where the option wants it.
struct Store {
  const Option& option;
  const Values& values;
  Refusal operator()(bool* target) const {
    *target = true;
    return std::nullopt;
  }
  Refusal operator()(std::string* target) const {
    *target = values.back();
    return std::nullopt;
  }
  Refusal operator()(std::optional<std::string>* target) const {
    *target = values.back();
    return std::nullopt;
  }
  Refusal operator()(std::vector<std::string>* target) const {
    *target = values;
    return std::nullopt;
  }
  Refusal operator()(std::int64_t* target) const { return store_number<std::int64_t>(option, values.back(), *target); }
  Refusal operator()(double* target) const { return store_number<double>(option, values.back(), *target); }
  Refusal operator()(std::optional<std::int64_t>* target) const {
    return store_number<std::int64_t>(option, values.back(), *target);
  }
  Refusal operator()(std::optional<double>* target) const {
    return store_number<double>(option, values.back(), *target);
  }
};

Refusal store(const Option& option, const Values& values) {
  if (!option.choices.empty() && std::ranges::find(option.choices, values.back()) == option.choices.end()) {
    return fmt::format("{} is '{}': allowed are {}{}", option.long_name(), values.back(),
                       fmt::join(option.choices, ", "), did_you_mean(values.back(), option.choices));
  }
  return std::visit(Store{option, values}, option.target);
}

/// CLI11 splits the arguments; every value arrives as text and is judged here, so that errors speak with one voice.
class Parser {
 public:
  explicit Parser(const Program& program) : program_(program), app_(program.root.summary, program.root.name) {
    add(app_, program.root);
  }

  std::expected<Invocation, std::string> parse(std::span<const std::string> arguments) {
    try {
      app_.parse(Values(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ParseError& error) {
      return refuse(path(), error.what());
    }
    Invocation invocation{.path = path(), .help = help_};
    if (auto wrong = unknown(invocation.path)) return std::unexpected(*wrong);
    if (help_) return invocation;
    for (const auto& [option, values] : given_) {
      if (const auto wrong = store(*option, values)) return refuse(invocation.path, *wrong);
    }
    for (const auto& option : invocation.command().options) {
      if (option.required && !given_.contains(&option))
        return refuse(invocation.path, option.long_name() + " is missing");
    }
    return invocation;
  }

 private:
  void add(CLI::App& app, const Command& command) {
    app.set_help_flag();
    app.allow_extras();
    app.require_subcommand(0, 1);
    app.add_flag("-h,--help", help_);
    for (const auto& option : command.options) add(app, option);
    for (const auto& option : program_.global_options) add(app, option);
    for (const auto& child : command.subcommands) add(*app.add_subcommand(child.name), child);
  }

  void add(CLI::App& app, const Option& option) {
    if (option.is_flag()) {
      app.add_flag_function(option.names, [this, &option](std::int64_t) { given_[&option] = {}; });
      return;
    }
    auto* added = app.add_option(option.names, [this, &option](const Values& values) {
      given_[&option] = values;
      return true;
    });
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    if (option.is_list() && option.is_positional()) added->expected(CLI::detail::expected_max_vector_size);
  }

  std::vector<const Command*> path() const {
    std::vector<const Command*> found{&program_.root};
    for (auto chosen = app_.get_subcommands(); !chosen.empty(); chosen = chosen.front()->get_subcommands()) {
      found.push_back(&*std::ranges::find(found.back()->subcommands, chosen.front()->get_name(), &Command::name));
    }
    return found;
  }

  std::optional<std::string> unknown(const std::vector<const Command*>& path) const {
    const auto left = app_.remaining(true);
    if (left.empty()) return std::nullopt;
    const auto& word = left.front();
    Values known;
    if (word.starts_with('-')) {
      const auto name = word.substr(0, word.find('='));
      known = option_names(*path.back(), program_.global_options);
      return refuse(path, "unknown option " + name + did_you_mean(name, known)).error();
    }
    if (path.back()->subcommands.empty()) return refuse(path, "'" + word + "' is one argument too many").error();
    for (const auto& child : path.back()->subcommands) known.push_back(child.name);
    return refuse(path, "unknown command '" + word + "'" + did_you_mean(word, known)).error();
  }

  static std::unexpected<std::string> refuse(const std::vector<const Command*>& path, const std::string& why) {
    return std::unexpected(fmt::format("{}\nsee: {} --help", why, path_text(path)));
  }

  const Program& program_;
  CLI::App app_;
  bool help_ = false;
  std::map<const Option*, Values> given_;
};

}  // namespace

std::string Option::long_name() const {
  if (is_positional()) return names;
  return names.substr(names.find("--"));
}

std::expected<Invocation, std::string> parse_arguments(const Program& program, std::span<const std::string> arguments) {
  return Parser(program).parse(arguments);
}

}  // namespace eventbus::cli
