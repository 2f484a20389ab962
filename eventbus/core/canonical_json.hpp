#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/error.hpp"
#include "eventbus/core/json.hpp"
#include "eventbus/core/text_place.hpp"

namespace eventbus {

inline constexpr std::size_t max_json_depth = 128;

/// One JSON document rewritten as canonical text (see json.hpp) in one pass, with the members of its outermost object.
/// Views stay valid until the next `parse`. Reuse keeps its memory, so that parsing a small document allocates nothing.
class CanonicalJson {
 public:
  struct Member {
    std::string_view key;  ///< Escaped as in canonical text, without quotes.
    JsonKind kind;
    std::string_view value;  ///< Canonical text, quotes of a string included.
  };

  /// Errors as `parse_json_object`, but any kind of document is taken. The error of a bad string or number names the
  /// outermost member it stands in. `origin` is where the document begins in the body, for the places in errors.
  Result<void> parse(std::string_view json, std::size_t max_depth = max_json_depth, TextPlace origin = {});

  /// Where the last `parse` found a fault, when it did.
  TextPlace fault_place() const { return fault_place_; }

  JsonKind kind() const { return kind_; }
  std::string_view text() const { return text_; }

  /// Members of the outermost object, of a repeated key only the last. None for other documents.
  std::size_t size() const { return kind_ == JsonKind::object ? members_.size() : 0; }
  Member operator[](std::size_t index) const;

  /// Gives back memory that an unusually large document needed.
  void shrink();

 private:
  friend class CanonicalWriter;

  /// Places in `text_`. The value begins two characters behind the key's end, after the quote and the colon.
  struct Place {
    std::uint32_t key_begin;
    std::uint32_t key_end;
    std::uint32_t value_end;
    JsonKind kind;
  };
  struct Frame {
    std::size_t begin;         ///< Of the bracket in `text_`.
    std::size_t first_member;  ///< In `members_`.
    std::uint64_t seen;        ///< One bit for each hash of a key: two equal bits may be a repeated key.
    bool object;
    bool empty;
    bool maybe_repeated;
  };

  std::string_view key(const Place& place) const;
  void drop_repeated_members(const Frame& frame);
  bool mark_repeated(std::size_t first_member);
  void rewrite_without_marked(const Frame& frame);

  std::string text_;
  std::vector<Place> members_;  ///< Of every open object, outermost first; those of closed inner objects are gone.
  std::vector<Frame> frames_;
  std::vector<bool> marked_;
  JsonKind kind_ = JsonKind::null;
  TextPlace fault_place_;
};

}  // namespace eventbus
