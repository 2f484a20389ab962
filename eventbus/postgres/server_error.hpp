#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eventbus/core/error.hpp"

namespace eventbus::postgres {

/// What an SQLSTATE (PostgreSQL documentation, appendix A) means to the operator of this service.
struct Fault {
  std::string_view sqlstate;  ///< Five characters, or a class of two.
  bool retryable;             ///< The same may succeed at once, perhaps on another connection.
  bool lasting;               ///< Trying again is useless until somebody changes something.
  std::string_view remedy;    ///< One sentence; %v stands for the variable with the connection's URL.
};

/// The fault of a code, of its class, or a general one. Never fails.
const Fault& explain(std::string_view sqlstate);

/// Stands for an SQLSTATE where the server is too old for us.
inline constexpr std::string_view too_old = "version";
inline constexpr std::string_view unique_violation = "23505";
inline constexpr std::string_view lock_not_available = "55P03";

/// What the server (or the way to it) said no to: operation, server's message, remedy, in one line without secrets.
class ServerError : public Unavailable {
 public:
  ServerError(std::string_view operation, std::string_view message, std::string_view sqlstate,
              std::string_view variable = "DATABASE_URL");
  const std::string& sqlstate() const { return sqlstate_; }  ///< Empty when the server said nothing.
  bool retryable() const { return retryable_; }
  bool lasting() const { return lasting_; }

 private:
  std::string sqlstate_;
  bool retryable_;
  bool lasting_;
};

/// Takes the first line and the SQLSTATE out of libpq's verbose message of a failed connection.
struct ConnectFailure {
  std::string message;
  std::string sqlstate;
};
ConnectFailure read_connect_failure(std::string_view libpq_message);

/// The oldest server that has what we use.
inline constexpr int oldest_server_version = 130'000;

/// The error for a server of libpq's version number `version`; none when it is new enough.
std::optional<std::string> refuse_version(int version);

}  // namespace eventbus::postgres
