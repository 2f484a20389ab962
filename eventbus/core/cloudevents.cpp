#include "eventbus/core/cloudevents.hpp"

#include <algorithm>
#include <optional>

#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/cloudevent_reader.hpp"
#include "eventbus/core/json_scan.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

Error not_an_event() {
  return {ErrorCode::invalid, "A CloudEvent must be a JSON object.", {{"body", "must be a JSON object"}}};
}

std::optional<unsigned char> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned char>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned char>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned char>(c - 'A' + 10);
  return std::nullopt;
}

/// The text of a quoted string (RFC 9110, section 5.6.4); any other text as it is.
std::string unquote(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('"')) return std::string(text);
  std::string plain;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1 == text.size() ? plain : std::string(text);
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return std::string(text);
}

/// What is no valid %XX stands for itself.
std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
    decoded += low ? static_cast<char>(*high << 4U | *low) : text[i];
    if (low) i += 2;
  }
  return decoded;
}

/// HTTP protocol binding 1.0.2, section 3.1.3.2: first quotes, then one round of percent-decoding.
std::string decode_header(std::string_view value) {
  return percent_decode(unquote(value));
}

/// Whether the publisher named the media type of its data. A name's quotes are never escaped, those in a text are.
bool names_media_type(std::string_view cloudevent) {
  constexpr std::string_view name = R"("datacontenttype":)";
  const auto place = cloudevent.find(name);
  return place != std::string_view::npos && place > 0 && (cloudevent[place - 1] == '{' || cloudevent[place - 1] == ',');
}

void read_attribute(CloudEventReader& reader, std::string_view name, std::string_view text) {
  if (find_invalid_utf8(text) != std::string_view::npos || text.find('\0') != std::string_view::npos) {
    reader.seen(name);
    return reader.faults().add(reader.label(name), "must be percent-encoded UTF-8 without NUL");
  }
  std::string canonical;
  append_json_string(canonical, text);
  reader.attribute(name, JsonKind::string, canonical);
}

Result<void> read_data(CloudEventReader& reader, std::string_view data) {
  if (data.empty()) return {};
  CanonicalJson document;
  // One level less: the data stands inside of the event.
  if (auto parsed = document.parse(data, max_json_depth - 1); !parsed) return parsed;
  reader.data(document.kind(), document.text());
  return {};
}

}  // namespace

Result<EventDraft> parse_cloudevent(std::string_view json, const PublishContext& context) {
  if (auto size = check_event_size(json.size(), context); !size) return std::unexpected(std::move(size.error()));
  CanonicalJson document;
  if (auto parsed = document.parse(json); !parsed) return std::unexpected(std::move(parsed.error()));
  if (document.kind() != JsonKind::object) return std::unexpected(not_an_event());
  CloudEventReader reader("");
  for (std::size_t i = 0; i < document.size(); ++i) {
    const CanonicalJson::Member member = document[i];
    if (member.key == "data") {
      reader.data(member.kind, member.value);
    } else if (member.key == "data_base64") {
      reader.faults().add("data_base64", "binary data is not supported; send a JSON value as data");
    } else {
      reader.attribute(unescape_canonical(member.key), member.kind, member.value);
    }
  }
  return reader.finish(context);
}

Result<std::vector<Result<EventDraft>>> parse_cloudevent_batch(std::string_view json, const PublishContext& context) {
  CanonicalJson document;
  if (auto parsed = document.parse(json, max_json_depth + 1); !parsed)
    return std::unexpected(std::move(parsed.error()));
  if (document.kind() != JsonKind::array) {
    return fail(ErrorCode::invalid, "A CloudEvents batch must be a JSON array.", {{"body", "must be a JSON array"}});
  }
  std::vector<Result<EventDraft>> drafts;
  for (JsonScanner scanner(document.text()); scanner.next();) {
    if (drafts.size() == max_batch_events) return std::unexpected(batch_too_long());
    drafts.push_back(parse_cloudevent(scanner.value(), context));
  }
  return drafts;
}

Result<EventDraft> parse_binary_cloudevent(const std::vector<std::pair<std::string, std::string>>& attributes,
                                           std::string_view content_type, std::string_view data,
                                           const PublishContext& context) {
  std::size_t bytes = data.size();
  for (const auto& [name, value] : attributes) bytes += name.size() + value.size();
  if (auto size = check_event_size(bytes, context); !size) return std::unexpected(std::move(size.error()));
  CloudEventReader reader("ce-");
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : attributes) {
    if (std::ranges::find(seen, name) != seen.end()) {
      reader.faults().add(reader.label(name), "must be given once");
    } else {
      read_attribute(reader, name, decode_header(value));
    }
    seen.push_back(name);
  }
  if (!content_type.empty()) read_attribute(reader, "datacontenttype", content_type);
  if (auto read = read_data(reader, data); !read) return std::unexpected(std::move(read.error()));
  return reader.finish(context);
}

void append_cloudevent(std::string& out, const Event& event, std::string_view default_source) {
  out += R"({"specversion":"1.0","id":)";
  append_json_string(out, event.event_id);
  out += R"(,"type":)";
  append_json_string(out, event.event_type);
  out += R"(,"time":")";
  append_timestamp(out, event.timestamp);
  out += '"';
  if (!names_media_type(event.cloudevent)) out += R"(,"datacontenttype":"application/json")";
  if (!event.ordering_key.empty()) {
    out += R"(,"partitionkey":)";
    append_json_string(out, event.ordering_key);
  }
  if (event.cloudevent.size() > 2) {
    out.append(",").append(event.cloudevent, 1, event.cloudevent.size() - 2);
  } else {
    out += R"(,"source":)";
    append_json_string(out, default_source);
  }
  out.append(R"(,"data":)").append(event.payload).append("}");
}

}  // namespace eventbus
