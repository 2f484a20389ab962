#include "eventbus/core/queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/event_draft.hpp"
#include "eventbus/core/event_rules.hpp"
#include "eventbus/core/field_faults.hpp"
#include "eventbus/core/json_scan.hpp"
#include "eventbus/core/json_text.hpp"
#include "eventbus/core/queue_name.hpp"
#include "eventbus/core/topic.hpp"

namespace eventbus {
namespace {

using std::chrono::milliseconds;
using Member = CanonicalJson::Member;

constexpr std::size_t most_bindings = 1000;
constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t ten_years_ms = 3650 * day_ms;
constexpr std::int64_t longest_queue = 1'000'000'000'000;

constexpr std::array<std::string_view, 13> queue_fields = {
    "name",          "bindings",           "max_retries",    "retry_delay_ms",
    "retry_backoff", "retry_max_delay_ms", "message_ttl_ms", "max_length",
    "overflow",      "lease_ms",           "ordered",        "start_from",
    "push"};
/// What GET adds to the definition; PUT takes it and passes over it, so that what was read can be written.
constexpr std::array<std::string_view, 7> reported_fields = {
    "paused", "ready", "in_flight", "delayed", "dead_letters", "consumers", "oldest_age_seconds"};
constexpr std::array<std::string_view, 2> binding_names = {"exchange", "routing_key"};

template <class Number>
std::optional<Number> number_of(const Member& member) {
  Number value{};
  const std::span<const char> text(member.value);
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (member.kind != JsonKind::number || failure != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// Reads the members of a queue definition into it.
class DefinitionReader {
 public:
  /// What is asked for under this name.
  explicit DefinitionReader(std::string_view name) { definition_.name = name; }
  /// What was stored.
  DefinitionReader() : stored_(true) {}

  void read(const Member& member) {
    const std::string_view key = member.key;
    RetryPolicy& retry = definition_.retry;
    if (key == "name") return read_name(member);
    if (key == "bindings") return read_bindings(member);
    if (key == "max_retries")
      return whole(member, 0, 1000, [&](auto n) { retry.max_retries = static_cast<std::uint32_t>(n); });
    if (key == "retry_delay_ms") return whole(member, 0, day_ms, [&](auto n) { retry.delay = milliseconds{n}; });
    if (key == "retry_backoff") return read_backoff(member);
    if (key == "retry_max_delay_ms")
      return whole(member, 0, day_ms, [&](auto n) { retry.max_delay = milliseconds{n}; });
    if (key == "message_ttl_ms") return read_ttl(member);
    if (key == "max_length") return read_max_length(member);
    if (key == "overflow") return read_overflow(member);
    if (key == "lease_ms") return whole(member, 100, day_ms / 2, [&](auto n) { definition_.lease = milliseconds{n}; });
    if (key == "ordered") return read_ordered(member);
    if (key == "start_from") return read_start(member);
    if (std::ranges::find(reported_fields, key) != reported_fields.end()) return;
    if (key == "push")
      return faults_.add("push", "push queues are not supported by this version; consume with receive instead");
    faults_.add_unknown(unescape_canonical(key), std::span(queue_fields).first(queue_fields.size() - 1));
  }

  Result<QueueDefinition> finish() {
    if (!bound_) faults_.add("bindings", "is required");
    if (!faults_.empty()) return std::unexpected(std::move(faults_).error());
    return std::move(definition_);
  }

 private:
  template <class Set>
  void whole(const Member& member, std::int64_t least, std::int64_t most, Set set) {
    const auto value = number_of<std::int64_t>(member);
    if (value && *value >= least && *value <= most) return set(*value);
    faults_.add(member.key, fmt::format("must be a whole number from {} to {}", least, most));
  }

  void read_name(const Member& member) {
    auto text = string_of(member, faults_);
    if (text && stored_) definition_.name = std::move(*text);
    if (text && !stored_ && *text != definition_.name)
      faults_.add("name", "must be the name in the path; it may be left out");
  }

  void read_backoff(const Member& member) {
    const auto value = number_of<double>(member);
    if (!value || !(*value >= 1 && *value <= 100)) return faults_.add(member.key, "must be a number from 1 to 100");
    definition_.retry.backoff = *value;
  }

  void read_ttl(const Member& member) {
    if (member.kind == JsonKind::null) return definition_.message_ttl.reset();
    whole(member, 1, ten_years_ms, [&](auto n) { definition_.message_ttl = milliseconds{n}; });
  }

  void read_max_length(const Member& member) {
    if (member.kind == JsonKind::null) return definition_.max_length.reset();
    whole(member, 1, longest_queue, [&](auto n) { definition_.max_length = static_cast<std::uint64_t>(n); });
  }

  void read_overflow(const Member& member) {
    if (member.value == R"("reject")") {
      definition_.overflow = Overflow::reject;
    } else if (member.value == R"("drop_oldest")") {
      definition_.overflow = Overflow::drop_oldest;
    } else {
      faults_.add(member.key, R"(must be "reject" or "drop_oldest")");
    }
  }

  void read_ordered(const Member& member) {
    if (member.kind != JsonKind::boolean) return faults_.add(member.key, "must be true or false");
    definition_.ordered = member.value == "true";
  }

  void read_start(const Member& member) {
    StartFrom& start = definition_.start_from;
    if (member.value == R"("now")") {
      start = {};
    } else if (member.value == R"("beginning")") {
      start = {StartFrom::Kind::beginning, {}};
    } else if (const auto text = string_of(member, faults_)) {
      const auto time = parse_timestamp(*text);
      if (!time)
        return faults_.add(member.key,
                           R"(must be "now", "beginning" or an RFC 3339 time such as 2026-11-23T17:49:13Z)");
      start = {StartFrom::Kind::time, *time};
    }
  }

  void read_bindings(const Member& member) {
    bound_ = true;
    std::size_t count = 0;
    if (member.kind == JsonKind::array) {
      for (JsonScanner scanner(member.value); scanner.next() && count <= most_bindings; ++count)
        read_binding(count, scanner.value());
    }
    if (count == 0 || count > most_bindings) {
      faults_.add("bindings",
                  fmt::format(R"(must be an array of 1 to {} objects {{"exchange", "routing_key"}})", most_bindings));
    }
  }

  void read_binding(std::size_t index, std::string_view value) {
    const std::string path = fmt::format("bindings[{}]", index);
    if (kind_of(value) != JsonKind::object)
      return faults_.add(path, R"(must be an object {"exchange", "routing_key"})");
    Binding binding;
    bool keyed = false;
    for (JsonScanner scanner(value); scanner.next();) {
      keyed = keyed || scanner.key() == "routing_key";
      read_binding_field(binding, path, {scanner.key(), kind_of(scanner.value()), scanner.value()});
    }
    if (!keyed) faults_.add(path + ".routing_key", "is required");
    if (std::ranges::find(definition_.bindings, binding) == definition_.bindings.end())
      definition_.bindings.push_back(binding);
  }

  void read_binding_field(Binding& binding, const std::string& path, const Member& member) {
    const std::string field = fmt::format("{}.{}", path, unescape_canonical(member.key));
    const bool exchange = member.key == "exchange";
    if (!exchange && member.key != "routing_key") return faults_.add_unknown(field, binding_names);
    auto text = string_of({field, member.kind, member.value}, faults_);
    if (!text) return;
    std::string_view fault;
    if (exchange) {
      fault = stored_ ? "" : exchange_fault(*text);
    } else if (!valid_topic_pattern(*text)) {
      fault = topic_pattern_rule;
    }
    if (!fault.empty()) faults_.add(field, fault);
    (exchange ? binding.exchange : binding.routing_key) = std::move(*text);
  }

  QueueDefinition definition_;
  FieldFaults faults_;
  bool stored_ = false;
  bool bound_ = false;
};

template <class Number>
std::string number_or_null(const std::optional<Number>& number) {
  return number ? fmt::format("{}", *number) : "null";
}

std::string start_text(const StartFrom& start) {
  switch (start.kind) {
    case StartFrom::Kind::now:
      return "now";
    case StartFrom::Kind::beginning:
      return "beginning";
    case StartFrom::Kind::time:
      return format_timestamp(start.time);
  }
  std::unreachable();
}

void append_bindings(std::string& out, const std::vector<Binding>& bindings) {
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    out += i == 0 ? R"({"exchange":)" : R"(,{"exchange":)";
    append_json_string(out, bindings[i].exchange);
    out += R"(,"routing_key":)";
    append_json_string(out, bindings[i].routing_key);
    out += '}';
  }
}

Result<QueueDefinition> read_definition(DefinitionReader reader, std::string_view json) {
  CanonicalJson document;
  if (auto parsed = document.parse(json); !parsed) return std::unexpected(std::move(parsed.error()));
  if (document.kind() != JsonKind::object) {
    return fail(ErrorCode::invalid, "The queue definition must be a JSON object.", {{"body", "must be a JSON object"}});
  }
  for (std::size_t i = 0; i < document.size(); ++i) reader.read(document[i]);
  return reader.finish();
}

}  // namespace

bool routes(const QueueDefinition& definition, std::string_view exchange, std::string_view routing_key) {
  return std::ranges::any_of(definition.bindings, [&](const Binding& binding) {
    return binding.exchange == exchange && topic_matches(binding.routing_key, routing_key);
  });
}

Result<QueueDefinition> parse_queue_definition(std::string_view name, std::string_view json) {
  if (const auto fault = queue_name_fault(name); !fault.empty())
    return fail(ErrorCode::invalid, fmt::format("A queue's name {}.", fault), {{"queue", std::string(fault)}});
  return read_definition(DefinitionReader(name), json);
}

Result<QueueDefinition> read_queue_definition(std::string_view json) {
  return read_definition(DefinitionReader(), json);
}

void append_queue_definition(std::string& out, const QueueDefinition& definition) {
  out += R"({"name":)";
  append_json_string(out, definition.name);
  out += ',';
  append_queue_settings(out, definition);
  out += '}';
}

void append_queue_settings(std::string& out, const QueueDefinition& definition) {
  const auto ttl = definition.message_ttl.transform([](milliseconds value) { return value.count(); });
  out += R"("bindings":[)";
  append_bindings(out, definition.bindings);
  fmt::format_to(
      std::back_inserter(out),
      R"(],"max_retries":{},"retry_delay_ms":{},"retry_backoff":{},"retry_max_delay_ms":{},"message_ttl_ms":{},)"
      R"("max_length":{},"overflow":"{}","lease_ms":{},"ordered":{},"start_from":"{}")",
      definition.retry.max_retries, definition.retry.delay.count(), definition.retry.backoff,
      definition.retry.max_delay.count(), number_or_null(ttl), number_or_null(definition.max_length),
      definition.overflow == Overflow::reject ? "reject" : "drop_oldest", definition.lease.count(), definition.ordered,
      start_text(definition.start_from));
}

}  // namespace eventbus
