#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventbus/core/error.hpp"

namespace eventbus::postgres {

/// One server that may be tried. `address` is numeric, or empty where the host is a socket directory.
struct Endpoint {
  std::string host;
  std::string address;
  std::string port;
};

/// Where and how to connect, from a libpq URI or keyword string. A value; copies are independent.
class ConnectionSettings {
 public:
  using Keywords = std::vector<std::pair<std::string, std::string>>;

  /// Reads `text` as libpq does (environment variables such as PGPASSWORD fill what it leaves out) and adds what a
  /// service needs: application_name, keepalives, UTF-8. The error names `variable` and never repeats the text.
  static Result<ConnectionSettings> parse(std::string_view text, std::string_view variable = "DATABASE_URL");

  /// `postgresql://user@host:port/database`, without password or other options.
  const std::string& printable() const { return printable_; }
  /// The setting to name in errors, e.g. DATABASE_URL.
  const std::string& variable() const { return variable_; }
  /// Hosts in the order to try; addresses are not resolved yet, unless `hostaddr` was given.
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  /// All keywords for libpq but those of the endpoint, which are added here.
  Keywords keywords(const Endpoint& endpoint) const;

  /// The server ends statements that run longer. Lower: a runaway query holds its connection less long; higher: large
  /// listings without an index may finish.
  std::chrono::milliseconds statement_timeout{30'000};
  /// Most time for one attempt to reach one host.
  std::chrono::milliseconds connect_timeout{10'000};

 private:
  Keywords keywords_;
  std::vector<Endpoint> endpoints_;
  std::string printable_;
  std::string variable_;
};

}  // namespace eventbus::postgres
