#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/json.hpp"

namespace eventbus::cli {

/// A JSON object of the server's, read without losing a digit. Members that are missing or null read as empty.
class JsonObject {
 public:
  JsonObject() = default;
  /// Throws CommandFailed when `text` is no JSON object: then whoever answered is no event bus.
  explicit JsonObject(std::string_view text);

  bool has(std::string_view key) const;
  /// A string decoded, anything else as JSON text.
  std::string text(std::string_view key) const;
  std::uint64_t number(std::string_view key) const;
  bool truth(std::string_view key) const;
  JsonObject object(std::string_view key) const;
  std::vector<JsonObject> objects(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  const std::vector<JsonMember>& members() const { return members_; }

 private:
  const JsonMember* find(std::string_view key) const;

  std::vector<JsonMember> members_;
};

/// Builds a JSON object member by member.
class JsonWriter {
 public:
  JsonWriter& text(std::string_view key, std::string_view value);
  /// `value` is JSON text: a number, true, an object …
  JsonWriter& raw(std::string_view key, std::string_view value);
  JsonWriter& number(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
  JsonWriter& texts(std::string_view key, const std::vector<std::string>& values);
  JsonWriter& text_if(std::string_view key, std::string_view value) { return value.empty() ? *this : text(key, value); }
  std::string done() const { return out_ + "}"; }

 private:
  void key(std::string_view key);
  std::string out_ = "{";
};

/// Canonical JSON text on several lines, indented by two spaces.
std::string pretty_json(std::string_view text);

}  // namespace eventbus::cli
