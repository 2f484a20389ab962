#pragma once

#include <string>

#include "eventbus/cli/console/console.hpp"
#include "eventbus/client/http_client.hpp"
#include "eventbus/client/json_object.hpp"

namespace eventbus::cli {

/// What all commands share: where they write and the options that every command takes.
struct Session {
  Console& console;
  std::string url = "http://127.0.0.1:8000";
  bool json = false;

  /// Throws CommandFailed (usage) when `url` is none.
  ServerUrl server() const;
};

/// The HTTP API as the commands call it: targets and JSON bodies in, JSON bodies out. Throws CommandFailed (refused)
/// with the server's own explanation for an answer that is no success, and Unreachable.
class Api {
 public:
  explicit Api(const Session& session) : http_(session.server()) {}

  std::string get(const std::string& target) { return call("GET", target, {}); }
  std::string post(const std::string& target, std::string body) { return call("POST", target, std::move(body)); }
  std::string put(const std::string& target, std::string body) { return call("PUT", target, std::move(body)); }
  std::string remove(const std::string& target, std::string body = {}) {
    return call("DELETE", target, std::move(body));
  }
  HttpClient& http() { return http_; }

 private:
  std::string call(std::string method, const std::string& target, std::string body);
  HttpClient http_;
};

/// Throws when `answer` is no success.
void expect_success(const HttpAnswer& answer);
/// "404 unknown_queue: there is no queue 'x'", and a line for each field at fault.
std::string refusal_text(const HttpAnswer& answer);

/// Builds a target with its query, values percent-encoded; empty values are left out.
class Target {
 public:
  explicit Target(std::string path) : text_(std::move(path)) {}
  Target& with(std::string_view name, std::string_view value);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace eventbus::cli
