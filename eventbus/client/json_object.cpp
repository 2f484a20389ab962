#include "eventbus/client/json_object.hpp"

#include <algorithm>
#include <charconv>

namespace eventbus {
namespace {

[[noreturn]] void foreign_answer() {
  throw ForeignAnswer();
}

std::vector<std::pair<JsonKind, std::string>> elements(std::string_view array) {
  if (array.empty()) return {};
  auto parsed = parse_json_array(array);
  if (!parsed) foreign_answer();
  return std::move(*parsed);
}

}  // namespace

JsonObject::JsonObject(std::string_view text) {
  auto parsed = parse_json_object(text);
  if (!parsed) foreign_answer();
  members_ = std::move(*parsed);
}

const JsonMember* JsonObject::find(std::string_view key) const {
  const auto found = std::ranges::find(members_, key, &JsonMember::key);
  return found == members_.end() || found->kind == JsonKind::null ? nullptr : &*found;
}

bool JsonObject::has(std::string_view key) const {
  return find(key) != nullptr;
}

std::string JsonObject::text(std::string_view key) const {
  const auto* member = find(key);
  return member == nullptr ? std::string() : member->value;
}

std::string JsonObject::json(std::string_view key) const {
  const auto found = std::ranges::find(members_, key, &JsonMember::key);
  if (found == members_.end() || found->kind != JsonKind::string) return found == members_.end() ? "" : found->value;
  std::string text;
  append_json_string(text, found->value);
  return text;
}

std::uint64_t JsonObject::number(std::string_view key) const {
  const auto value = text(key);
  std::uint64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

bool JsonObject::truth(std::string_view key) const {
  return text(key) == "true";
}

JsonObject JsonObject::object(std::string_view key) const {
  return has(key) ? JsonObject(text(key)) : JsonObject();
}

std::vector<JsonObject> JsonObject::objects(std::string_view key) const {
  std::vector<JsonObject> found;
  for (const auto& [kind, value] : elements(text(key))) found.emplace_back(value);
  return found;
}

std::vector<std::string> JsonObject::texts(std::string_view key) const {
  std::vector<std::string> found;
  for (const auto& [kind, value] : elements(text(key))) {
    found.push_back(kind == JsonKind::string ? JsonObject(R"({"text":)" + value + "}").text("text") : value);
  }
  return found;
}

void JsonWriter::key(std::string_view key) {
  if (out_.size() > 1) out_ += ',';
  append_json_string(out_, key);
  out_ += ':';
}

JsonWriter& JsonWriter::text(std::string_view name, std::string_view value) {
  key(name);
  append_json_string(out_, value);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view name, std::string_view value) {
  key(name);
  out_ += value;
  return *this;
}

JsonWriter& JsonWriter::texts(std::string_view name, const std::vector<std::string>& values) {
  std::string array;
  for (const auto& value : values) {
    array += array.empty() ? '[' : ',';
    append_json_string(array, value);
  }
  return raw(name, values.empty() ? "[]" : array + "]");
}

}  // namespace eventbus
