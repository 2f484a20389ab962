#include "eventbus/amqp/amqp_url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace eventbus::amqp {
namespace {

constexpr std::string_view form = "amqp://user:password@host:5672/vhost (amqps:// for TLS, several hosts with commas)";
constexpr std::size_t longest_name = 255;  // AMQP short string

std::unexpected<Error> wrong(std::string_view what) {
  auto message = fmt::format("{}. Use {}", what, form);
  return fail(ErrorCode::invalid, "RABBITMQ_URL: " + message, {{"RABBITMQ_URL", message}});
}

int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

/// Nothing where an escape is broken or a control character would come out.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    int byte = static_cast<unsigned char>(text[at]);
    if (byte == '%') {
      const int high = at + 1 < text.size() ? hex_digit(text[at + 1]) : -1;
      const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      byte = high * 16 + low;
      at += 2;
    }
    if (byte < 0x20 || byte == 0x7F) return std::nullopt;
    plain += static_cast<char>(byte);
  }
  return plain;
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char character : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(character)) != 0 ||
                       std::string_view("-._~").find(character) != std::string_view::npos;
    encoded += plain ? std::string(1, character) : fmt::format("%{:02X}", static_cast<unsigned char>(character));
  }
  return encoded;
}

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t least, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value >= least && value <= most ? std::optional(value) : std::nullopt;
}

/// Cuts `text` at the first `separator` and returns what stood before it; the rest stays, empty when there was none.
std::string_view take_until(std::string_view& text, std::string_view separator) {
  const auto at = text.find(separator);
  const auto head = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + separator.size());
  return head;
}

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (const auto bracket = text.find(']'); text.starts_with('[') && bracket != std::string_view::npos) {
    host = text.substr(1, bracket - 1);
    port = text.substr(bracket + 1);
    has_port = !port.empty();
    if (has_port && !port.starts_with(':')) return wrong("after an address in [ ] only a port may follow");
    if (has_port) port.remove_prefix(1);
  } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
    if (host.find(':') != std::string_view::npos) return wrong("an IPv6 address stands in [ ]");
  }
  if (host.empty()) return wrong("a host is missing");
  const auto plain = [](char character) {
    return std::isalnum(static_cast<unsigned char>(character)) != 0 ||
           std::string_view("-._:%").find(character) != std::string_view::npos;
  };
  if (!std::ranges::all_of(host, plain)) return wrong("a host holds a character that no host name has");
  const auto number_of = has_port ? number(port, 1, 65535) : std::optional<std::uint32_t>(default_port);
  if (!number_of)
    return wrong("a port is no number from 1 to 65535 (':', '/' and '@' in a password are percent-encoded)");
  return Endpoint{.host = std::string(host), .port = static_cast<std::uint16_t>(*number_of)};
}

Result<void> parse_credentials(std::string_view text, AmqpUrl& url) {
  const bool has_password = text.find(':') != std::string_view::npos;
  const auto user = percent_decode(take_until(text, ":"));
  const auto password = percent_decode(text);
  if (!user || !password) return wrong("a percent-escape in user or password is wrong");
  if (user->empty() || user->size() > longest_name) return wrong("the user has 1 to 255 characters");
  url.user = *user;
  if (has_password) url.password = *password;
  return {};
}

Result<void> parse_virtual_host(std::string_view path, AmqpUrl& url) {
  if (path == "/" || path.empty()) return {};
  if (path.find('/') != std::string_view::npos) return wrong("'/' in the virtual host is written %2F");
  const auto name = percent_decode(path);
  if (!name || name->size() > longest_name)
    return wrong("the virtual host has at most 255 characters, percent-encoded");
  url.virtual_host = *name;
  return {};
}

Result<void> parse_option(std::string_view option, AmqpUrl& url) {
  const auto key = take_until(option, "=");
  const auto value = percent_decode(option);
  if (!value) return wrong("a percent-escape in the options is wrong");
  if (key == "heartbeat") {
    const auto seconds = number(*value, 1, 3600);
    if (!seconds) return wrong("heartbeat is a number of seconds from 1 to 3600");
    url.heartbeat = std::chrono::seconds(*seconds);
  } else if (key == "connection_timeout") {
    const auto milliseconds = number(*value, 1, 600000);
    if (!milliseconds) return wrong("connection_timeout is a number of milliseconds from 1 to 600000");
    url.connection_timeout = std::chrono::milliseconds(*milliseconds);
  } else if (key == "cacertfile") {
    url.tls.ca_file = *value;
  } else if (key == "certfile") {
    url.tls.certificate = *value;
  } else if (key == "keyfile") {
    url.tls.key = *value;
  } else if (key == "verify" && (value == "verify_peer" || value == "verify_none")) {
    url.tls.verify = value == "verify_peer";
  } else {
    return wrong(
        "an option is unknown; there are heartbeat, connection_timeout, cacertfile, certfile, keyfile and "
        "verify=verify_peer|verify_none");
  }
  return {};
}

Result<void> parse_options(std::string_view query, AmqpUrl& url) {
  while (!query.empty()) {
    if (auto parsed = parse_option(take_until(query, "&"), url); !parsed) return parsed;
  }
  if (url.tls.certificate.empty() != url.tls.key.empty()) return wrong("certfile and keyfile go together");
  return {};
}

Result<void> parse_hosts(std::string_view hosts, AmqpUrl& url) {
  do {
    auto endpoint = parse_endpoint(take_until(hosts, ","), url.secure ? 5671 : 5672);
    if (!endpoint) return std::unexpected(std::move(endpoint.error()));
    url.endpoints.push_back(std::move(*endpoint));
  } while (!hosts.empty());
  return {};
}

Result<AmqpUrl> parse_one(std::string_view text) {
  AmqpUrl url;
  if (text.starts_with("amqps://")) {
    url.secure = true;
  } else if (!text.starts_with("amqp://")) {
    return wrong("it begins with amqp:// or amqps://");
  }
  text.remove_prefix(text.find("//") + 2);
  const auto options_at = std::min(text.find('?'), text.size());
  auto address = text.substr(0, options_at);
  const auto options = text.substr(std::min(options_at + 1, text.size()));
  auto authority = take_until(address, "/");
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    if (auto parsed = parse_credentials(authority.substr(0, at), url); !parsed) return std::unexpected(parsed.error());
    authority.remove_prefix(at + 1);
  }
  auto parsed = parse_hosts(authority, url);
  if (parsed) parsed = parse_virtual_host(address, url);
  if (parsed) parsed = parse_options(options, url);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  return url;
}

/// Where the next whole URL of a list begins: after its comma.
std::size_t next_url(std::string_view text) {
  return std::min(text.find(",amqp://"), text.find(",amqps://"));
}

}  // namespace

Result<AmqpUrl> AmqpUrl::parse(std::string_view text) {
  std::optional<AmqpUrl> all;
  for (bool more = true; more;) {
    const auto comma = next_url(text);
    more = comma != std::string_view::npos;
    auto one = parse_one(text.substr(0, comma));
    if (!one) return one;
    if (more) text.remove_prefix(comma + 1);
    if (!all) {
      all = std::move(*one);
      continue;
    }
    const auto endpoints = std::exchange(one->endpoints, all->endpoints);
    if (*one != *all) return wrong("all URLs of a list have the same user, password, virtual host and options");
    all->endpoints.insert(all->endpoints.end(), endpoints.begin(), endpoints.end());
  }
  return std::move(*all);
}

std::string AmqpUrl::printable() const {
  std::string hosts;
  for (const auto& endpoint : endpoints) {
    const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
    if (!hosts.empty()) hosts += ',';
    hosts += fmt::format(fmt::runtime(is_ipv6 ? "[{}]:{}" : "{}:{}"), endpoint.host, endpoint.port);
  }
  return fmt::format("{}://{}:***@{}/{}", secure ? "amqps" : "amqp", percent_encode(user), hosts,
                     virtual_host == "/" ? "" : percent_encode(virtual_host));
}

}  // namespace eventbus::amqp
