#include "eventbus/cli/listen_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

#include "eventbus/cli/console/read_number.hpp"

namespace eventbus::cli {
namespace {

bool is_numeric_address(const std::string& text, int family) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return inet_pton(family, text.c_str(), ignored.data()) == 1;
}

}  // namespace

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
