#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eventbus::cli {

struct ListenAddress {
  std::string address;  ///< Numeric.
  std::uint16_t port = 0;
  bool loopback() const;
  std::string text() const;  ///< With brackets around IPv6.
};

/// "127.0.0.1:8000", "[::1]:8000", "localhost:8000"; port 0 is any free one.
std::optional<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace eventbus::cli
