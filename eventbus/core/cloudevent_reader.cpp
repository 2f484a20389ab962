#include "eventbus/core/cloudevent_reader.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "eventbus/core/event_rules.hpp"

namespace eventbus {
namespace {

constexpr std::array<std::string_view, 8> text_attributes = {"specversion", "id",      "source",          "type",
                                                             "time",        "subject", "datacontenttype", "dataschema"};
constexpr std::size_t longest_text = std::size_t{1} << 20U;

/// CloudEvents 1.0, "attribute naming convention": the name `data` is kept for the payload.
bool is_extension_name(std::string_view name) {
  return name != "data" && !name.empty() && name.size() <= 255 &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

bool is_whole_number(std::string_view number) {
  return number.find_first_of(".eE") == std::string_view::npos;
}

}  // namespace

bool is_json_media_type(std::string_view type) {
  std::string essence(type.substr(0, type.find(';')));
  essence.erase(essence.find_last_not_of(" \t") + 1);
  std::ranges::transform(essence, essence.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto slash = essence.find('/');
  if (slash == 0 || slash == std::string::npos) return false;
  const std::string_view subtype = std::string_view(essence).substr(slash + 1);
  return subtype == "json" || (subtype.size() > 5 && subtype.ends_with("+json"));
}

void CloudEventReader::attribute(std::string_view name, JsonKind kind, std::string_view canonical) {
  if (kind == JsonKind::null) return;
  seen(name);
  const bool text = name == "partitionkey" || std::ranges::find(text_attributes, name) != text_attributes.end();
  if (!text) return extension(name, kind, canonical);
  if (auto value = string_of({label(name), kind, canonical}, faults())) text_attribute(name, std::move(*value));
}

void CloudEventReader::seen(std::string_view name) {
  version_ |= name == "specversion";
  id_ |= name == "id";
  source_ |= name == "source";
  type_ |= name == "type";
}

void CloudEventReader::text_attribute(std::string_view name, std::string text) {
  const std::string field = label(name);
  if (name == "specversion") {
    if (text != "1.0") faults().add(field, "must be \"1.0\"");
  } else if (name == "id") {
    builder_.set_event_id(field, std::move(text));
  } else if (name == "type") {
    builder_.set_event_type(field, std::move(text));
  } else if (name == "time") {
    builder_.set_timestamp(field, text);
  } else if (name == "partitionkey") {
    builder_.set_ordering_key(field, std::move(text));
  } else if (name == "datacontenttype") {
    if (!is_json_media_type(text))
      return faults().add(field, "must be a JSON media type: application/json or one that ends in +json");
    keep_text(name, text);
  } else {
    keep_text(name, text);
  }
}

void CloudEventReader::keep_text(std::string_view name, const std::string& text) {
  if (!is_plain_text(text, longest_text))
    return faults().add(label(name), "must be text without control characters, and not empty");
  append_json_string(kept_[std::string(name)], text);
}

void CloudEventReader::extension(std::string_view name, JsonKind kind, std::string_view canonical) {
  const std::string field = label(name);
  if (!is_extension_name(name)) {
    return faults().add(
        field, "is no attribute name: lower-case letters and digits are allowed, at most 255, and not \"data\"");
  }
  const bool scalar = kind == JsonKind::string || kind == JsonKind::boolean;
  if (!scalar && !(kind == JsonKind::number && is_whole_number(canonical))) {
    return faults().add(field, "must be a string, a boolean or a whole number");
  }
  kept_[std::string(name)] = canonical;
}

void CloudEventReader::require(std::string_view name, bool seen) {
  if (!seen) faults().add(label(name), "is required");
}

Result<EventDraft> CloudEventReader::finish(const PublishContext& context) {
  require("specversion", version_);
  require("id", id_);
  require("source", source_);
  require("type", type_);
  std::string kept;
  for (const auto& [name, value] : kept_) {
    kept += kept.empty() ? '{' : ',';
    append_json_string(kept, name);
    kept.append(":").append(value);
  }
  const auto largest = std::ranges::max_element(kept_, {}, [](const auto& entry) { return entry.second.size(); });
  builder_.set_cloudevent(largest == kept_.end() ? "source" : label(largest->first), kept + '}');
  return builder_.finish(context);
}

}  // namespace eventbus
