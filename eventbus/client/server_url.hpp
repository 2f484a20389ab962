#pragma once

#include <string>
#include <string_view>

#include "eventbus/core/error.hpp"

namespace eventbus {

/// Where a server is, e.g. http://127.0.0.1:8000 or http://[::1]:8000/behind/a/proxy.
struct ServerUrl {
  std::string host;       ///< Name or numeric address, without brackets.
  std::string port;       ///< Decimal; "80" where the URL names none.
  std::string base_path;  ///< Without a slash at its end; empty for the root.

  std::string text() const;       ///< The URL as a person writes it.
  std::string authority() const;  ///< For the Host header: brackets around IPv6, port included.
};

/// Reads an http:// URL. `invalid` for anything else, https included: this version speaks plain HTTP only.
Result<ServerUrl> parse_server_url(std::string_view url);

/// Percent-encodes everything but unreserved characters: for one path segment or one query value.
std::string percent_encode(std::string_view text);

}  // namespace eventbus
