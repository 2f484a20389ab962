#include "eventbus/postgres/connection_settings.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <optional>

namespace eventbus::postgres {
namespace {

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;
using Values = std::map<std::string, std::string>;

constexpr std::string_view unknown_parameter = "invalid URI query parameter";

Error refused(std::string_view variable, const std::string& reason) {
  const std::string message =
      "must be a libpq URI such as postgresql://user:password@host:5432/events, or keywords such as "
      "\"host=localhost dbname=events\"" +
      reason + ".";
  return {ErrorCode::invalid, std::string(variable) + " " + message, {{std::string(variable), message}}};
}

struct Reason {
  std::string_view begins;
  std::string_view says;
};

// How messages of libpq begin, and what to say instead of what they quote.
constexpr std::array<Reason, 9> reasons{{
    {"invalid percent-encoded token", "a percent-escape is wrong"},
    {"forbidden value %00", "%00 can't be part of it"},
    {"end of string reached when looking for matching", "an IPv6 address has no ] at its end"},
    {"IPv6 host address may not be empty", "there is no address between [ and ]"},
    {"unexpected character", "after an address in [ ] only a port or a database may follow"},
    {"extra key/value separator", "an option has two ="},
    {"missing key/value separator", "an option has no ="},
    {"unterminated quoted string", "a quoted value has no end"},
    {"invalid connection option", "a keyword is none of libpq's"},
}};

/// libpq's messages may quote parts of the password.
std::string safe_reason(std::string_view text, const char* libpq_says) {
  const std::string_view message = libpq_says == nullptr ? "" : libpq_says;
  const auto scheme = text.find("://");
  const bool postgres = text.starts_with("postgresql://") || text.starts_with("postgres://");
  if (scheme != std::string_view::npos && scheme < text.find('=') && !postgres)
    return " (it begins with another scheme than postgresql://)";
  if (message.starts_with(unknown_parameter)) {
    // What stands behind an @ may be the rest of a password.
    if (text.find('@', text.find('?')) != std::string_view::npos) return " (an option is none of libpq's)";
    return " (" + std::string(message.substr(0, message.find_last_not_of('\n') + 1)) + ")";
  }
  if (message.starts_with("missing \"=\" after")) return " (it is no URL, and a keyword has no =)";
  const auto* found =
      std::ranges::find_if(reasons, [message](const auto& reason) { return message.starts_with(reason.begins); });
  return found == reasons.end() ? std::string() : " (" + std::string(found->says) + ")";
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void collect(const PQconninfoOption* options, Values& values) {
  for (const auto* option = options; option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val != nullptr && *option->val != '\0') values[option->keyword] = option->val;
  }
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (;;) {
    const auto comma = list.find(',', begin);
    parts.push_back(list.substr(begin, comma - begin));
    if (comma == std::string::npos) return parts;
    begin = comma + 1;
  }
}

std::string take(Values& values, const std::string& keyword) {
  auto node = values.extract(keyword);
  return node.empty() ? std::string() : std::move(node.mapped());
}

/// One endpoint a host; a single port goes for all. None when the lists don't fit.
std::optional<std::vector<Endpoint>> endpoints_of(Values& values) {
  const auto hosts = split(take(values, "host"));
  const auto addresses = split(take(values, "hostaddr"));
  const auto ports = split(take(values, "port"));
  const auto count = std::max(hosts.size(), addresses.size());
  const auto fits = [count](const auto& list) { return list.size() == 1 || list.size() == count; };
  if (!fits(hosts) || !fits(addresses) || !fits(ports)) return std::nullopt;
  const auto at = [](const auto& list, std::size_t index) { return list.size() == 1 ? list[0] : list[index]; };
  std::vector<Endpoint> endpoints;
  endpoints.reserve(count);
  for (std::size_t index = 0; index < count; ++index)
    endpoints.push_back({at(hosts, index), at(addresses, index), at(ports, index)});
  return endpoints;
}

bool is_port(const std::string& text) {
  if (text.empty()) return true;
  int port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size() && port >= 1 && port <= 65535;
}

std::string print(const Values& values, const std::vector<Endpoint>& endpoints) {
  const auto value = [&values](const char* keyword) {
    const auto found = values.find(keyword);
    return found == values.end() ? std::string() : found->second;
  };
  std::string text = "postgresql://" + value("user") + "@";
  for (const auto& endpoint : endpoints) {
    if (&endpoint != &endpoints.front()) text += ',';
    text += endpoint.host.empty() ? endpoint.address : endpoint.host;
    if (!endpoint.port.empty()) text += ':' + endpoint.port;
  }
  return text + "/" + (value("dbname").empty() ? value("user") : value("dbname"));
}

}  // namespace

Result<ConnectionSettings> ConnectionSettings::parse(std::string_view text, std::string_view variable) {
  if (text.empty()) return std::unexpected(refused(variable, " (it is empty)"));
  if (has_control_character(text))
    return std::unexpected(refused(variable, " (it holds a line break or another control character)"));
  char* message = nullptr;
  const Options given(PQconninfoParse(std::string(text).c_str(), &message), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> message_owner(message, &PQfreemem);
  if (!given) return std::unexpected(refused(variable, safe_reason(text, message)));
  const Options defaults(PQconndefaults(), &PQconninfoFree);

  Values values{{"keepalives", "1"},       {"keepalives_idle", "5"},      {"keepalives_interval", "2"},
                {"keepalives_count", "3"}, {"tcp_user_timeout", "15000"}, {"gssencmode", "disable"}};
  Values known;
  collect(defaults.get(), known);
  known.erase("gssencmode");
  for (auto& [keyword, value] : known) values[keyword] = value;
  values["application_name"] = "eventbus";
  values.erase("connect_timeout");
  collect(given.get(), values);
  values["client_encoding"] = "UTF8";
  take(values, "fallback_application_name");

  ConnectionSettings settings;
  settings.variable_ = variable;
  const auto timeout = take(values, "connect_timeout");
  if (!timeout.empty() && timeout.size() < 7 &&
      std::ranges::all_of(timeout, [](char c) { return c >= '0' && c <= '9'; }))
    settings.connect_timeout = std::chrono::seconds(std::max(1, std::stoi(timeout)));
  auto endpoints = endpoints_of(values);
  if (!endpoints) return std::unexpected(refused(variable, " (there must be one port, or one for each host)"));
  if (!std::ranges::all_of(*endpoints, [](const Endpoint& endpoint) { return is_port(endpoint.port); }))
    return std::unexpected(refused(variable, " (a port must be a number from 1 to 65535)"));
  settings.endpoints_ = std::move(*endpoints);
  settings.printable_ = print(values, settings.endpoints_);
  settings.keywords_.assign(values.begin(), values.end());
  return settings;
}

ConnectionSettings::Keywords ConnectionSettings::keywords(const Endpoint& endpoint) const {
  auto all = keywords_;
  if (!endpoint.host.empty()) all.emplace_back("host", endpoint.host);
  if (!endpoint.address.empty()) all.emplace_back("hostaddr", endpoint.address);
  if (!endpoint.port.empty()) all.emplace_back("port", endpoint.port);
  return all;
}

}  // namespace eventbus::postgres
