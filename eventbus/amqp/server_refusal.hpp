#pragma once

#include <string>
#include <string_view>

#include "eventbus/amqp/amqp_url.hpp"
#include "eventbus/core/error.hpp"

namespace eventbus::amqp {

/// Why the server closed a channel or a connection: reply code and text of AMQP 0-9-1.
struct ServerRefusal {
  int code = 0;
  std::string text;
};

/// The server answered and refused one operation; the connection is well.
class Refused : public Unavailable {
 public:
  using Unavailable::Unavailable;
};

/// It refuses us, login included, and will until somebody changes something.
class NotAllowed : public Refused {
 public:
  using Refused::Refused;
};

/// What is wrong when the server closes the connection during login, and what to do, in one line.
std::string explain_login_refusal(const ServerRefusal& refusal, const AmqpUrl& url);

/// Whether trying again is useless until somebody changes something.
bool is_lasting(const ServerRefusal& refusal);

/// What is wrong when the socket is closed or shut during login, or librabbitmq reports `status`.
std::string explain_status(int status);

/// The caller's fault as an error (404 → `not_found`, an exchange of another type → `exchange_conflict`, others →
/// `conflict`); the server's state (541
/// internal error, …) throws `Refused`, without permission `NotAllowed`. `operation` as in "declaring queue \"q\"".
Error as_error(const ServerRefusal& refusal, std::string_view operation);

/// Empty, or why a server of this version can't be used. Versions from 3.10 on can.
std::string explain_version(std::string_view version);

}  // namespace eventbus::amqp
