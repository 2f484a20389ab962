#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/error.hpp"

namespace eventbus::amqp {

struct Endpoint {
  std::string host;
  std::uint16_t port;
  bool operator==(const Endpoint&) const = default;
};

/// How an `amqps` connection is made safe. Certificates are PEM files.
struct TlsOptions {
  bool verify = true;       ///< Checks the server's certificate and that it names the host.
  std::string ca_file;      ///< Empty: the system's certificate authorities.
  std::string certificate;  ///< Of the client; with `key`, or both empty.
  std::string key;
  bool operator==(const TlsOptions&) const = default;
};

/// Where RabbitMQ is and as whom to enter. Source: RabbitMQ URI specification and its query parameters
/// (rabbitmq.com/uri-spec.html, uri-query-parameters.html), and beyond them several hosts:
///
///   amqp://user:password@host:5672/vhost        amqps://… (port 5671)
///   amqp://user:password@h1:5672,h2:5672/vhost  amqp://user:password@h1/vhost,amqp://user:password@h2/vhost
///
/// Percent-encoding as in any URI; user and password default to guest, the virtual host to "/". Options: `heartbeat`
/// (seconds, 3), `connection_timeout` (milliseconds), `cacertfile`, `certfile`, `keyfile`, `verify`
/// (verify_peer|verify_none).
struct AmqpUrl {
  /// The error names `RABBITMQ_URL`, says what is allowed, and repeats nothing of the text that may be secret.
  static Result<AmqpUrl> parse(std::string_view text);

  /// The same without the password, for people.
  std::string printable() const;

  bool secure = false;
  std::vector<Endpoint> endpoints;  ///< At least one, in the order to try them.
  std::string user = "guest";
  std::string password = "guest";
  std::string virtual_host = "/";
  std::optional<std::chrono::seconds> heartbeat = {};                ///< 1–3600 s.
  std::optional<std::chrono::milliseconds> connection_timeout = {};  ///< 1–600000 ms.
  TlsOptions tls = {};

  bool operator==(const AmqpUrl&) const = default;
};

}  // namespace eventbus::amqp
