#include "eventbus/cli/setting.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <vector>

#include "eventbus/amqp/amqp_url.hpp"
#include "eventbus/core/queue.hpp"
#include "eventbus/postgres/connection_settings.hpp"

namespace eventbus::cli {
namespace {

using Kind = SettingKind;

constexpr std::array<Setting, 28> table{{
    {"EVENTBUS_LISTEN", "--listen", "ADDRESS", "127.0.0.1:8000", Kind::address,
     "address and port of the HTTP API; port 0 takes any free one"},
    {"EVENTBUS_ENGINE", "--engine", "ENGINE", "auto", Kind::choice,
     "where events and queues are kept; auto: production when DATABASE_URL and RABBITMQ_URL are set, else embedded",
     "auto,embedded,production"},
    {"DATABASE_URL",
     "--database-url",
     "URL",
     "",
     Kind::database,
     "PostgreSQL of the production engine; with --engine production "
     "postgresql://postgres:postgres@localhost:5432/events",
     {},
     0,
     0,
     true},
    {"DATABASE_REPLICA_URL",
     "--database-replica-url",
     "URL",
     "",
     Kind::database,
     "where events are read by id; the primary is asked when it fails",
     {},
     0,
     0,
     true},
    {"RABBITMQ_URL",
     "--rabbitmq-url",
     "URL",
     "",
     Kind::broker,
     "RabbitMQ of the production engine; with --engine production amqp://guest:guest@localhost:5672/",
     {},
     0,
     0,
     true},
    {"EVENTBUS_INGEST_QUEUE", "--ingest-queue", "QUEUES", "", Kind::queues,
     "RabbitMQ queues whose messages are stored as events, once for each event id, and published like others; "
     "production engine only"},
    {"POOL_MIN_SIZE",
     "--pool-min-size",
     "CONNECTIONS",
     "5",
     Kind::count,
     "PostgreSQL connections kept open while idle",
     {},
     0,
     1000},
    {"POOL_MAX_SIZE",
     "--pool-max-size",
     "CONNECTIONS",
     "20",
     Kind::count,
     "PostgreSQL connections at most; more run more queries at a time and cost the server memory",
     {},
     3,
     1000},
    {"CONNECTION_TIMEOUT",
     "--connection-timeout",
     "SECONDS",
     "30",
     Kind::seconds,
     "longest attempt to reach PostgreSQL or RabbitMQ",
     {},
     1,
     600},
    {"MAX_RETRIES",
     "--max-retries",
     "COUNT",
     "3",
     Kind::count,
     "attempts to reach the database again at start; once started, connecting is tried for ever",
     {},
     0,
     1000},
    {"RETRY_DELAY",
     "--retry-delay",
     "SECONDS",
     "1.0",
     Kind::seconds,
     "first pause between attempts to connect; doubled with each, with jitter, up to 30 s",
     {},
     0,
     600},
    {"EVENTBUS_DATA_DIR", "--data-dir", "DIRECTORY", "./eventbus-data", Kind::path,
     "the embedded engine's files; made if missing, used by one process at a time"},
    {"LOG_LEVEL", "--log-level", "LEVEL", "INFO", Kind::choice, "least level that is logged",
     "TRACE,DEBUG,INFO,WARNING,ERROR,CRITICAL,OFF"},
    {"LOG_FORMAT", "--log-format", "FORMAT", "auto", Kind::choice,
     "shape of log lines; auto: text on a terminal, else json", "auto,text,json"},
    {"BATCH_SIZE",
     "--batch-size",
     "EVENTS",
     "100",
     Kind::count,
     "target of a group commit under load; more costs latency, less costs throughput; a lone event never waits",
     {},
     1,
     100000},
    {"EVENTBUS_MAX_EVENT_BYTES",
     "--max-event-bytes",
     "BYTES",
     "1048576",
     Kind::count,
     "largest event; more costs memory for each request",
     {},
     256,
     64 << 20},
    {"EVENTBUS_MAX_BATCH_BYTES",
     "--max-batch-bytes",
     "BYTES",
     "16777216",
     Kind::count,
     "largest JSON or atomic batch, held in memory; NDJSON of any length is streamed",
     {},
     1024,
     1 << 30},
    {"EVENTBUS_MAX_IN_FLIGHT",
     "--max-in-flight",
     "REQUESTS",
     "10000",
     Kind::count,
     "requests handled at a time; further ones are answered 429",
     {},
     1,
     1000000},
    {"EVENTBUS_MAX_WAITING_EVENTS",
     "--max-waiting-events",
     "EVENTS",
     "65536",
     Kind::count,
     "events waiting to be stored; further ones are answered 429",
     {},
     1,
     10000000},
    {"EVENTBUS_MAX_CONNECTIONS",
     "--max-connections",
     "CONNECTIONS",
     "20000",
     Kind::count,
     "open connections; each costs a file descriptor and about 10 KB",
     {},
     1,
     1000000},
    {"EVENTBUS_HEADER_TIMEOUT_MS",
     "--header-timeout-ms",
     "MILLISECONDS",
     "10000",
     Kind::count,
     "longest time from a request's first byte to the end of its headers",
     {},
     1,
     3600000},
    {"EVENTBUS_BODY_TIMEOUT_MS",
     "--body-timeout-ms",
     "MILLISECONDS",
     "30000",
     Kind::count,
     "longest silence within a request's body",
     {},
     1,
     3600000},
    {"EVENTBUS_IDLE_TIMEOUT_MS",
     "--idle-timeout-ms",
     "MILLISECONDS",
     "75000",
     Kind::count,
     "how long a connection may rest between two requests",
     {},
     1,
     86400000},
    {"EVENTBUS_WRITE_TIMEOUT_MS",
     "--write-timeout-ms",
     "MILLISECONDS",
     "30000",
     Kind::count,
     "how long a client may take nothing of its answer",
     {},
     1,
     3600000},
    {"EVENTBUS_HEARTBEAT_MS",
     "--heartbeat-ms",
     "MILLISECONDS",
     "15000",
     Kind::count,
     "time between two comments on a silent event stream",
     {},
     1,
     3600000},
    {"EVENTBUS_DRAIN_SECONDS",
     "--drain-seconds",
     "SECONDS",
     "30",
     Kind::seconds,
     "how long requests in flight may take to finish after SIGTERM",
     {},
     0,
     3600},
    {"EVENTBUS_READY_WHEN", "--ready-when", "STATE", "connected", Kind::choice,
     "when GET /ready says ready: all parts connected, or events can be stored durably", "connected,accepting"},
    {"EVENTBUS_SOURCE", "--source", "URI", "/eventbus", Kind::text,
     "CloudEvents source of events that came without one"},
}};

constexpr std::array<UnsupportedVariable, 7> unsupported{{
    {"EVENTBUS_API_KEYS_FILE", true,
     "API keys are not part of this version; unset it and guard the port in front of the service"},
    {"EVENTBUS_TLS_CERT", true,
     "TLS is not part of this version; unset it and put a TLS proxy in front of the service"},
    {"EVENTBUS_TLS_KEY", true, "TLS is not part of this version; unset it and put a TLS proxy in front of the service"},
    {"EVENTBUS_WEBHOOK_ALLOW", false, "push queues are not part of this version; it has no effect"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT", false,
     "trace export is not part of this version; traceparent is stored and passed on"},
    {"OTEL_SERVICE_NAME", false, "trace export is not part of this version; it has no effect"},
    {"OTEL_TRACES_SAMPLER_ARG", false, "trace export is not part of this version; it has no effect"},
}};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_count(const Setting& setting, std::string_view text) {
  const auto number = read_number<std::int64_t>(text);
  return number && *number >= setting.min && *number <= setting.max;
}

bool is_seconds(const Setting& setting, std::string_view text) {
  const auto number = read_number<double>(text);
  return number && std::isfinite(*number) && *number >= static_cast<double>(setting.min) &&
         *number <= static_cast<double>(setting.max);
}

bool is_numeric_address(const std::string& text, int family) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return inet_pton(family, text.c_str(), ignored.data()) == 1;
}

}  // namespace

std::span<const Setting> settings() {
  return table;
}

std::span<const UnsupportedVariable> unsupported_variables() {
  return unsupported;
}

std::vector<std::string_view> words_of(std::string_view list) {
  std::vector<std::string_view> words;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    words.push_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return words;
}

std::string toml_key(const Setting& setting) {
  std::string key(setting.flag.substr(2));
  std::ranges::replace(key, '-', '_');
  return key;
}

std::string allowed(const Setting& setting) {
  switch (setting.kind) {
    case Kind::address:
      return "a numeric address and a port are allowed, e.g. 127.0.0.1:8000, 0.0.0.0:8000 or [::1]:8000";
    case Kind::path:
      return "a directory is allowed";
    case Kind::choice: {
      const auto choices = words_of(setting.choices);
      return fmt::format("allowed {} {}", choices.size() == 1 ? "is" : "are", fmt::join(choices, ", "));
    }
    case Kind::count:
      return fmt::format("a whole number from {} to {} is allowed", setting.min, setting.max);
    case Kind::seconds:
      return fmt::format("a number of seconds from {} to {} is allowed", setting.min, setting.max);
    case Kind::text:
      return "a text without control characters is allowed";
    case Kind::database:
      return "a postgresql:// URL or libpq keywords are allowed";
    case Kind::broker:
      return "an amqp:// or amqps:// URL is allowed";
    case Kind::queues:
      return "names of queues are allowed, separated by commas";
  }
  return {};
}

bool is_allowed(const Setting& setting, std::string_view text) {
  switch (setting.kind) {
    case Kind::address:
      return parse_listen_address(text).has_value();
    case Kind::choice: {
      const auto choices = words_of(setting.choices);
      return std::ranges::any_of(choices, [&](auto choice) { return equal_ignoring_case(choice, text); });
    }
    case Kind::count:
      return is_count(setting, text);
    case Kind::seconds:
      return is_seconds(setting, text);
    case Kind::database:
      return text.empty() || postgres::ConnectionSettings::parse(text, setting.variable).has_value();
    case Kind::broker:
      return text.empty() || amqp::AmqpUrl::parse(text).has_value();
    case Kind::queues:
      return std::ranges::all_of(words_of(text), &valid_queue_name);
    case Kind::path:
    case Kind::text:
      return !text.empty() && std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  }
  return false;
}

bool ListenAddress::loopback() const {
  return address.starts_with("127.") || address == "::1";
}

std::string ListenAddress::text() const {
  const bool ipv6 = address.find(':') != std::string::npos;
  return fmt::format("{}:{}", ipv6 ? "[" + address + "]" : address, port);
}

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = read_number<std::uint16_t>(text.substr(colon + 1));
  std::string host(text.substr(0, colon));
  if (!port) return std::nullopt;
  if (host == "localhost") host = "127.0.0.1";
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!is_numeric_address(host, bracketed ? AF_INET6 : AF_INET)) return std::nullopt;
  return ListenAddress{.address = host, .port = *port};
}

}  // namespace eventbus::cli
