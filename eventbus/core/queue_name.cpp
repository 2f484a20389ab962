#include "eventbus/core/queue_name.hpp"

#include "eventbus/core/event_rules.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

constexpr std::size_t longest_name = 200;
constexpr std::string_view dead_letter_suffix = ".dlx";

bool has_line_separator(std::string_view text) {
  return text.find("\u2028") != std::string_view::npos || text.find("\u2029") != std::string_view::npos;
}

/// Queues where retries wait are called "<queue>.retry.<milliseconds>".
bool is_retry_name(std::string_view name) {
  const auto stem = name.substr(0, name.find_last_not_of("0123456789") + 1);
  return stem.size() < name.size() && (stem.ends_with(".retry.") || stem.ends_with(".retry"));
}

}  // namespace

std::string_view queue_name_fault(std::string_view name) {
  const bool printable = name.size() <= longest_name && find_invalid_utf8(name) == std::string_view::npos &&
                         is_plain_text(name, longest_name) && !has_line_separator(name);
  if (!printable || name.find('/') != std::string_view::npos)
    return "must have 1 to 200 bytes of printable UTF-8 without '/'";
  if (name == "." || name == "..") return "must not be . or .., which mean something else in a path";
  if (name.starts_with("amq.")) return "must not begin with amq., which RabbitMQ keeps for itself";
  if (name.ends_with(".dlq") || names_dead_letters(name) || is_retry_name(name))
    return "must not end in .dlq, .dlx or .retry with digits, which name what belongs to a queue";
  return "";
}

bool names_dead_letters(std::string_view exchange) {
  return exchange.ends_with(dead_letter_suffix);
}

}  // namespace eventbus
