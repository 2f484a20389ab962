#include "eventbus/amqp/server_refusal.hpp"

#include <amqp.h>
#include <amqp_framing.h>
#include <fmt/format.h>

#include <charconv>
#include <memory>

namespace eventbus::amqp {

bool is_lasting(const ServerRefusal& refusal) {
  const auto says = [&refusal](std::string_view words) { return refusal.text.find(words) != std::string::npos; };
  return !says("limit") && !says(" is down") &&
         (refusal.code == AMQP_ACCESS_REFUSED || refusal.code == AMQP_NOT_ALLOWED);
}

std::string explain_login_refusal(const ServerRefusal& refusal, const AmqpUrl& url) {
  if (refusal.text.find("limit") != std::string::npos) {
    return fmt::format(
        "the server allows no more connections ({}). Raise the limit of the user or virtual host of RABBITMQ_URL: "
        "rabbitmqctl set_user_limits, set_vhost_limits",
        refusal.text);
  }
  const bool names_vhost = refusal.text.find("vhost") != std::string::npos;
  // RabbitMQ says 530 "access to vhost 'v' refused for user 'u'", older versions 403.
  const bool no_access = refusal.text.find("refused for user") != std::string::npos;
  if (names_vhost && (refusal.code == AMQP_ACCESS_REFUSED || no_access)) {
    return fmt::format(
        "user \"{0}\" has no access to virtual host \"{1}\". Grant it: rabbitmqctl set_permissions -p "
        "'{1}' '{0}' '.*' '.*' '.*', or change RABBITMQ_URL",
        url.user, url.virtual_host);
  }
  if (refusal.code == AMQP_ACCESS_REFUSED) {
    return fmt::format(
        "ACCESS_REFUSED: the password of user \"{}\" is wrong, or the user does not exist or may not come "
        "from this host. Check user and password of RABBITMQ_URL",
        url.user);
  }
  if (refusal.code == AMQP_NOT_ALLOWED && names_vhost) {
    return fmt::format(
        "there is no virtual host \"{0}\" or it is down. Create it: rabbitmqctl add_vhost '{0}', or change "
        "RABBITMQ_URL ({1})",
        url.virtual_host, refusal.text);
  }
  return fmt::format("the server refused the connection: {} {}", refusal.code, refusal.text);
}

std::string explain_status(int status) {
  switch (status) {
    case AMQP_STATUS_HEARTBEAT_TIMEOUT:
      return "no sign of life for two heartbeats";
    case AMQP_STATUS_CONNECTION_CLOSED:
    case AMQP_STATUS_SOCKET_CLOSED:
    case AMQP_STATUS_SOCKET_ERROR:
      return "the other side closed the socket";
    case AMQP_STATUS_TIMEOUT:
      return "no answer in time";
    case AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION:
    case AMQP_STATUS_BAD_AMQP_DATA:
      return "what answers does not speak AMQP 0-9-1. Check the port of RABBITMQ_URL";
    case AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD:
      return "the server does not offer PLAIN logins. Allow them with auth_mechanisms in rabbitmq.conf";
    case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
      return "the server's certificate is not trusted. Name its authority with ?cacertfile= in RABBITMQ_URL";
    case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
      return "the server's certificate is for another host name. Use that name in RABBITMQ_URL";
    case AMQP_STATUS_SSL_CONNECTION_FAILED:
    case AMQP_STATUS_SSL_ERROR:
      return "TLS failed: the port takes no TLS, or the certificate is not trusted. Check the port (amqps: 5671) and "
             "?cacertfile= of RABBITMQ_URL";
    default:
      return amqp_error_string2(status);
  }
}

Error as_error(const ServerRefusal& refusal, std::string_view operation) {
  const auto reason = fmt::format("{} {}", refusal.code, refusal.text);
  switch (refusal.code) {
    case AMQP_NOT_FOUND:
      return {ErrorCode::not_found, fmt::format("{}: {}", operation, reason)};
    case AMQP_PRECONDITION_FAILED:
      if (refusal.text.starts_with("PRECONDITION_FAILED - inequivalent arg 'type' for exchange"))
        return {ErrorCode::exchange_conflict, fmt::format("{}: {}", operation, reason)};
      [[fallthrough]];
    case AMQP_RESOURCE_LOCKED:
      return {ErrorCode::conflict, fmt::format("{}: {}", operation, reason)};
    case AMQP_ACCESS_REFUSED:
      throw NotAllowed(operation, reason +
                                      ". Grant the user of RABBITMQ_URL what it needs: rabbitmqctl set_permissions -p "
                                      "VIRTUAL_HOST USER '.*' '.*' '.*'");
    default:
      throw Refused(operation, reason);
  }
}

std::string explain_version(std::string_view version) {
  int major = 0;
  int minor = 0;
  const char* const end = std::to_address(version.end());
  const auto first = std::from_chars(std::to_address(version.begin()), end, major);
  const bool read =
      first.ec == std::errc{} && first.ptr != end && std::from_chars(first.ptr + 1, end, minor).ec == std::errc{};
  if (read && (major > 3 || (major == 3 && minor >= 10))) return "";
  return fmt::format(
      "the server is version \"{}\"; RabbitMQ 3.10 or newer is needed. Upgrade it, or let RABBITMQ_URL name another",
      version);
}

}  // namespace eventbus::amqp
