#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/json.hpp"

namespace eventbus {

/// Whoever answered is no event bus.
class ForeignAnswer : public std::runtime_error {
 public:
  ForeignAnswer() : std::runtime_error("the answer is not from an event bus; is the URL right?") {}
};

/// A JSON object of the server's, read without losing a digit. Members that are missing or null read as empty.
class JsonObject {
 public:
  JsonObject() = default;
  /// Throws ForeignAnswer when `text` is no JSON object.
  explicit JsonObject(std::string_view text);

  bool has(std::string_view key) const;
  /// A string decoded, anything else as JSON text.
  std::string text(std::string_view key) const;
  /// JSON text of any member, null included; empty: missing.
  std::string json(std::string_view key) const;
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

}  // namespace eventbus
