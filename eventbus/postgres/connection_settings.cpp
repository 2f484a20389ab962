#include "eventbus/postgres/connection_settings.hpp"

#include <libpq-fe.h>

#include <algorithm>
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

/// libpq's messages may quote parts of the password; only this one can't.
std::string safe_reason(const char* message) {
  if (message == nullptr || !std::string_view(message).starts_with(unknown_parameter)) return {};
  std::string reason = message;
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  return " (" + reason + ")";
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
  if (text.empty() || text.find('\0') != std::string_view::npos) return std::unexpected(refused(variable, ""));
  char* message = nullptr;
  const Options given(PQconninfoParse(std::string(text).c_str(), &message), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> message_owner(message, &PQfreemem);
  if (!given) return std::unexpected(refused(variable, safe_reason(message)));
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
