#include "eventbus/core/batch_elements.hpp"

#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/event_rules.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

/// Walks through a valid JSON document and notes the elements of the array at one depth.
class ElementFinder {
 public:
  explicit ElementFinder(std::string_view body) : body_(body) {
    const auto first = body.find_first_not_of(" \t\r\n");
    array_depth_ = first != std::string_view::npos && body[first] == '[' ? 1 : 2;
  }

  std::vector<BatchElement> find() {
    for (at_ = 0; at_ < body_.size(); ++at_) visit(body_[at_]);
    return std::move(elements_);
  }

 private:
  void visit(char c) {
    if (in_string_) {
      visit_string(c);
    } else if (c == '[' || c == '{') {
      note_begin();
      // Of a repeated "events" the last one counts.
      if (++depth_ == array_depth_) elements_.clear();
    } else if (c == ']' || c == '}') {
      if (depth_ == array_depth_) note_end();
      --depth_;
    } else if (c == ',') {
      if (depth_ == array_depth_) note_end();
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      note_begin();
      in_string_ = c == '"';
    }
    count(c);
  }

  void visit_string(char c) {
    in_string_ = c != '"' || escaped_;
    escaped_ = c == '\\' && !escaped_;
  }

  void note_begin() {
    if (depth_ != array_depth_ || open_) return;
    open_ = true;
    elements_.push_back({body_.substr(at_), place_});
  }

  void note_end() {
    if (open_) elements_.back().text.remove_suffix(body_.size() - at_);
    open_ = false;
  }

  void count(char c) {
    if (c == '\n') {
      place_ = {place_.line + 1, 1};
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
      ++place_.column;
    }
  }

  std::string_view body_;
  std::size_t at_ = 0;
  TextPlace place_;  ///< Of the character at `at_`.
  int array_depth_;  ///< Depth within the array of events.
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool open_ = false;  ///< The last element has begun and not ended.
  std::vector<BatchElement> elements_;
};

}  // namespace

std::vector<BatchElement> batch_elements(std::string_view body) {
  return ElementFinder(body).find();
}

FaultyEvent examine_faulty(std::string_view json, std::string_view id_member, TextPlace place) {
  CanonicalJson document;
  if (!document.parse(json, max_json_depth, place)) return {{}, document.fault_place()};
  for (std::size_t i = 0; i < document.size(); ++i) {
    const auto [key, kind, value] = document[i];
    if (key != id_member || kind != JsonKind::string) continue;
    auto id = unescape_canonical(value.substr(1, value.size() - 2));
    if (event_id_fault(id).empty()) return {std::move(id), place};
  }
  return {{}, place};
}

}  // namespace eventbus
