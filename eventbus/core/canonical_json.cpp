#include "eventbus/core/canonical_json.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <numeric>

#include "eventbus/core/json_fault.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

namespace json = boost::json;

constexpr std::size_t few_members = 16;
constexpr std::size_t short_number = 300;  // no number of so few characters without an exponent is out of range
constexpr std::size_t kept_bytes = std::size_t{256} << 10U;
constexpr std::size_t max_document = std::size_t{1} << 30U;

std::uint64_t key_bit(std::string_view key) {
  std::uint64_t mixed = key.size();
  if (!key.empty())
    mixed = mixed * 31 + static_cast<unsigned char>(key.front()) * 7U + static_cast<unsigned char>(key.back());
  if (key.size() > 2) mixed = mixed * 31 + static_cast<unsigned char>(key[key.size() / 2]);
  return std::uint64_t{1} << (mixed * 0x9E3779B97F4A7C15ULL >> 58U);
}

}  // namespace

/// Handler of Boost.JSON's SAX parser that writes what it hears as canonical text. Outside the unnamed namespace only
/// to be a friend.
class CanonicalWriter {
 public:
  static constexpr std::size_t max_array_size = -1;
  static constexpr std::size_t max_object_size = -1;
  static constexpr std::size_t max_string_size = -1;
  static constexpr std::size_t max_key_size = -1;

  CanonicalWriter(CanonicalJson& document, std::string_view source) : document_(document), source_(source) {}

  JsonRefusal refusal() const { return refusal_; }

  bool on_document_begin(json::error_code& /*ec*/) { return true; }
  bool on_document_end(json::error_code& /*ec*/) { return true; }

  bool on_object_begin(json::error_code& /*ec*/) {
    begin_value(JsonKind::object);
    open('{', true);
    return true;
  }

  bool on_object_end(std::size_t /*n*/, json::error_code& /*ec*/) {
    const CanonicalJson::Frame frame = frames().back();
    text() += '}';
    if (frame.maybe_repeated) document_.drop_repeated_members(frame);
    if (frames().size() > 1) document_.members_.resize(frame.first_member);
    frames().pop_back();
    end_value();
    return true;
  }

  bool on_array_begin(json::error_code& /*ec*/) {
    begin_value(JsonKind::array);
    open('[', false);
    return true;
  }

  bool on_array_end(std::size_t /*n*/, json::error_code& /*ec*/) {
    text() += ']';
    frames().pop_back();
    end_value();
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t /*n*/, json::error_code& ec) {
    begin_key();
    return write_characters(part, ec);
  }

  bool on_key(json::string_view part, std::size_t /*n*/, json::error_code& ec) {
    begin_key();
    if (!write_characters(part, ec)) return false;
    in_token_ = false;
    end_key();
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t /*n*/, json::error_code& ec) {
    begin_string();
    return write_characters(part, ec);
  }

  bool on_string(json::string_view part, std::size_t /*n*/, json::error_code& ec) {
    begin_string();
    if (!write_characters(part, ec)) return false;
    in_token_ = false;
    text() += '"';
    end_value();
    return true;
  }

  bool on_number_part(json::string_view part, json::error_code& /*ec*/) {
    begin_number();
    text().append(part.data(), part.size());
    return true;
  }

  bool on_int64(std::int64_t /*value*/, json::string_view part, json::error_code& ec) {
    return finish_number(part, ec);
  }
  bool on_uint64(std::uint64_t /*value*/, json::string_view part, json::error_code& ec) {
    return finish_number(part, ec);
  }
  bool on_double(double /*value*/, json::string_view part, json::error_code& ec) { return finish_number(part, ec); }

  bool on_bool(bool value, json::error_code& /*ec*/) {
    begin_value(JsonKind::boolean);
    text() += value ? "true" : "false";
    end_value();
    return true;
  }

  bool on_null(json::error_code& /*ec*/) {
    begin_value(JsonKind::null);
    text() += "null";
    end_value();
    return true;
  }

  bool on_comment_part(json::string_view /*part*/, json::error_code& /*ec*/) { return true; }
  bool on_comment(json::string_view /*part*/, json::error_code& /*ec*/) { return true; }

 private:
  std::string& text() { return document_.text_; }
  std::vector<CanonicalJson::Frame>& frames() { return document_.frames_; }
  std::uint32_t place() const { return static_cast<std::uint32_t>(document_.text_.size()); }

  bool refuse(JsonRefusal refusal, json::error_code& ec) {
    refusal_ = refusal;
    ec = json::error::input_error;
    return false;
  }

  void open(char bracket, bool object) {
    frames().push_back({text().size(), document_.members_.size(), 0, object, true, false});
    text() += bracket;
  }

  void separate(CanonicalJson::Frame& frame) {
    if (!frame.empty) text() += ',';
    frame.empty = false;
  }

  void begin_value(JsonKind kind) {
    if (frames().empty()) {
      document_.kind_ = kind;
    } else if (frames().back().object) {
      document_.members_.back().kind = kind;
    } else {
      separate(frames().back());
    }
  }

  void end_value() {
    if (!frames().empty() && frames().back().object) document_.members_.back().value_end = place();
  }

  void begin_key() {
    if (in_token_) return;
    in_token_ = true;
    separate(frames().back());
    text() += '"';
    document_.members_.push_back({place(), 0, 0, JsonKind::null});
  }

  void end_key() {
    CanonicalJson::Place& member = document_.members_.back();
    member.key_end = place();
    const std::uint64_t bit = key_bit(document_.key(member));
    frames().back().maybe_repeated |= (frames().back().seen & bit) != 0;
    frames().back().seen |= bit;
    text() += "\":";
  }

  void begin_string() {
    if (in_token_) return;
    in_token_ = true;
    begin_value(JsonKind::string);
    text() += '"';
  }

  /// What points into the source was written without escapes and needs none; anything else comes from the parser's
  /// buffer of decoded escapes.
  bool write_characters(json::string_view part, json::error_code& ec) {
    const auto offset =
        reinterpret_cast<std::uintptr_t>(part.data()) - reinterpret_cast<std::uintptr_t>(source_.data());
    if (part.empty() || offset < source_.size()) {
      text().append(part.data(), part.size());
      return true;
    }
    if (part.find('\0') != json::string_view::npos) return refuse(JsonRefusal::nul_character, ec);
    append_json_escaped(text(), {part.data(), part.size()});
    return true;
  }

  void begin_number() {
    if (in_token_) return;
    in_token_ = true;
    begin_value(JsonKind::number);
    number_begin_ = text().size();
  }

  bool finish_number(json::string_view part, json::error_code& ec) {
    begin_number();
    in_token_ = false;
    text().append(part.data(), part.size());
    const std::string_view number = std::string_view(text()).substr(number_begin_);
    const bool plain = number.size() <= short_number && number.find_first_of("eE") == std::string_view::npos;
    if (!plain && !number_in_range(number)) return refuse(JsonRefusal::number_out_of_range, ec);
    end_value();
    return true;
  }

  CanonicalJson& document_;
  std::string_view source_;
  std::size_t number_begin_ = 0;
  bool in_token_ = false;  // inside a key, string or number that comes in parts
  JsonRefusal refusal_ = JsonRefusal::none;
};

std::string_view CanonicalJson::key(const Place& place) const {
  return std::string_view(text_).substr(place.key_begin, place.key_end - place.key_begin);
}

CanonicalJson::Member CanonicalJson::operator[](std::size_t index) const {
  const Place& place = members_[index];
  const std::size_t begin = place.key_end + 2;
  return {key(place), place.kind, std::string_view(text_).substr(begin, place.value_end - begin)};
}

void CanonicalJson::shrink() {
  if (text_.capacity() <= kept_bytes && members_.capacity() * sizeof(Place) <= kept_bytes) return;
  *this = CanonicalJson{};
}

bool CanonicalJson::mark_repeated(std::size_t first_member) {
  const std::size_t count = members_.size() - first_member;
  marked_.assign(count, false);
  const auto key_of = [&](std::size_t i) { return key(members_[first_member + i]); };
  bool any = false;
  if (count <= few_members) {
    for (std::size_t later = 1; later < count; ++later) {
      for (std::size_t i = 0; i < later; ++i) any |= marked_[i] = marked_[i] || key_of(i) == key_of(later);
    }
    return any;
  }
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    const int compared = key_of(a).compare(key_of(b));
    return compared != 0 ? compared < 0 : a < b;
  });
  for (std::size_t i = 0; i + 1 < count; ++i) {
    if (key_of(order[i]) == key_of(order[i + 1])) any = marked_[order[i]] = true;
  }
  return any;
}

void CanonicalJson::rewrite_without_marked(const Frame& frame) {
  std::size_t end = frame.begin + 1;
  std::size_t kept = frame.first_member;
  for (std::size_t i = 0; i < marked_.size(); ++i) {
    if (marked_[i]) continue;
    Place place = members_[frame.first_member + i];
    if (kept != frame.first_member) text_[end++] = ',';
    const std::size_t begin = place.key_begin - 1;
    const std::size_t length = place.value_end - begin;
    std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(begin), length,
                text_.begin() + static_cast<std::ptrdiff_t>(end));
    const auto moved = static_cast<std::uint32_t>(begin - end);
    members_[kept++] = {place.key_begin - moved, place.key_end - moved, place.value_end - moved, place.kind};
    end += length;
  }
  members_.resize(kept);
  text_.resize(end);
  text_ += '}';
}

void CanonicalJson::drop_repeated_members(const Frame& frame) {
  if (mark_repeated(frame.first_member)) rewrite_without_marked(frame);
}

Result<void> CanonicalJson::parse(std::string_view source, std::size_t max_depth, TextPlace origin) {
  text_.clear();
  members_.clear();
  frames_.clear();
  kind_ = JsonKind::null;
  if (source.size() > max_document)
    return fail(ErrorCode::too_large, "A JSON document of more than 1 GiB is not accepted.");

  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<CanonicalWriter> parser(options, *this, source);
  json::error_code ec;
  const std::size_t used = parser.write_some(false, source.data(), source.size(), ec);
  if (!ec && used < source.size()) ec = json::error::extra_data;
  if (!ec) return {};

  const std::size_t outermost = frames_.size() > 1 ? frames_[1].first_member : members_.size();
  const bool inside = !frames_.empty() && frames_.front().object && outermost > 0 &&
                      members_[outermost - 1].key_end != 0 && members_[outermost - 1].value_end == 0;
  const std::string field = inside ? unescape_canonical(key(members_[outermost - 1])) : "body";
  auto fault = describe_json_fault({source, used, ec, parser.handler().refusal(), field, origin});
  fault_place_ = fault.place;
  return std::unexpected(std::move(fault.error));
}

}  // namespace eventbus
