#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/retry_policy.hpp"

namespace eventbus {

struct Binding {
  std::string exchange{default_exchange};
  std::string routing_key;  ///< Topic pattern.
  bool operator==(const Binding&) const = default;
};

enum class Overflow : unsigned char { reject, drop_oldest };

/// Where a new queue begins: `now` = only events stored after it was declared; `beginning` = every stored event that
/// matches; a time = stored events whose timestamp is not earlier, then everything after the declaration.
struct StartFrom {
  enum class Kind : unsigned char { now, beginning, time } kind = Kind::now;
  Timestamp time{};
  bool operator==(const StartFrom&) const = default;
};

/// What PUT /queues/{queue} declares. `ordered` and `start_from` are fixed at creation, the rest may be changed in
/// place.
struct QueueDefinition {
  std::string name;  ///< See `queue_name_fault`.
  std::vector<Binding> bindings;
  RetryPolicy retry;
  std::optional<std::chrono::milliseconds> message_ttl;
  std::optional<std::uint64_t> max_length;
  Overflow overflow = Overflow::reject;
  std::chrono::milliseconds lease{30000};
  bool ordered = false;
  StartFrom start_from;
  bool operator==(const QueueDefinition&) const = default;
};

/// Whether a queue of this definition gets what is published so.
bool routes(const QueueDefinition& definition, std::string_view exchange, std::string_view routing_key);
/// Parses the body of PUT /queues/{queue}; errors name every bad or unknown field. What GET reports besides the
/// definition (counts, `paused`) is passed over.
Result<QueueDefinition> parse_queue_definition(std::string_view name, std::string_view json);
/// The inverse of `append_queue_definition`, for what an engine has stored: names that were good when the queue was
/// declared are, whatever the rule for new ones says.
Result<QueueDefinition> read_queue_definition(std::string_view json);
/// Appends the definition as JSON: every field, `name` included.
void append_queue_definition(std::string& out, const QueueDefinition& definition);
/// Its members but `name`, without braces: the body of the request is `{` + settings + `}`.
void append_queue_settings(std::string& out, const QueueDefinition& definition);

}  // namespace eventbus
