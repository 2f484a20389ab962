#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eventbus/core/text_place.hpp"

namespace eventbus {

/// One line of a body that isn't blank.
struct BodyLine {
  std::string_view text;  ///< Without its end and the white space it begins with; empty where it is too long.
  TextPlace place;        ///< Of the first character of `text`, or of what would have been it.
  bool too_long = false;
};

/// Cuts a body that arrives in pieces into lines (LF or CRLF); what comes out doesn't depend on the pieces. Lines
/// within one piece are views into it; only a line that spans pieces is copied, and never more than `longest` bytes of
/// it. Not thread-safe.
class BodyLines {
 public:
  explicit BodyLines(std::size_t longest) : longest_(longest) {}

  /// The next piece, which must stay valid until `next` returned none; an empty one is the end of the body.
  void feed(std::string_view piece);
  /// The next line; none until more is fed. Valid until the next call of a member.
  std::optional<BodyLine> next();

 private:
  std::string_view begin(std::string_view part);
  void keep(std::string_view part);
  std::optional<BodyLine> finish(std::string_view part);

  std::size_t longest_;
  std::string_view rest_;  ///< Of the piece.
  bool ended_ = false;     ///< The body's end was fed and its last line not given out.

  // The line at hand.
  bool begun_ = false;
  std::size_t number_ = 0;
  std::size_t indent_ = 0;  ///< Characters of white space before its text.
  std::string kept_;        ///< Of its text, what earlier pieces held.
  bool too_long_ = false;
};

}  // namespace eventbus
