#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventbus/cli/input_file.hpp"

namespace eventbus::cli {

/// The events of a file or of standard input as NDJSON, however they are written: one a line, as a JSON array, or each
/// over several lines (what jq prints). Any length, in constant memory. Events themselves are not judged.
class EventInput {
 public:
  explicit EventInput(std::string path) : path_(path), file_(std::move(path)) {}

  /// The next part of the NDJSON; empty at the end, or where the input is damaged (`fault`). Blocks.
  std::string read();
  double fraction() const { return file_.fraction(); }
  /// Given out so far.
  std::uint64_t events() const { return events_; }
  /// What is wrong with the input as a whole and where; empty: nothing. What stood before was given out.
  const std::string& fault() const { return fault_; }
  /// "line 3", or "event 2 (line 1)" where lines are not events; from 0.
  std::string place_of(std::uint64_t index) const;

 private:
  enum class Shape : std::uint8_t { unknown, lines, texts, array };
  enum class Place : std::uint8_t { first, next, between, after };  ///< In the array: which token may follow.

  std::string read_raw();
  bool know_shape(bool at_end);
  std::string take_lines(std::string part);
  std::string take_texts(std::string_view part);
  void take(char c, std::string& out);
  void take_between(char c, std::string& out);
  void give(std::string& out);
  void end_texts(std::string& out);
  void damaged(std::string_view why);
  void count(std::uint64_t line);

  std::string path_;
  InputFile file_;
  Shape shape_ = Shape::unknown;
  std::string head_;  ///< Until the shape is known.
  bool ended_ = false;
  std::string fault_;
  std::uint64_t line_ = 1;  ///< Of the input.

  // One event a line.
  bool line_has_text_ = false;

  // Events within a JSON text.
  Place place_ = Place::first;
  std::string text_;  ///< Of the event at hand, without its line breaks.
  std::uint64_t text_line_ = 0;
  std::uint64_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::uint64_t out_line_ = 1;  ///< Of the NDJSON, which keeps the input's lines where it can.

  // Where events stand: from which one on, how far lines are ahead of events.
  std::uint64_t events_ = 0;
  std::vector<std::pair<std::uint64_t, std::int64_t>> places_;
  std::uint64_t placed_ = 0;  ///< Events before this one have a known line.
};

}  // namespace eventbus::cli
