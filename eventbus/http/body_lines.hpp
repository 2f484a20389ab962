#pragma once

#include <string>
#include <string_view>

namespace eventbus {

/// Cuts a body that arrives in pieces into lines (LF or CRLF). Lines within one piece are views into it; only a line
/// that spans pieces is copied, and never more than `longest` bytes of it. Not thread-safe.
class BodyLines {
 public:
  explicit BodyLines(std::size_t longest) : longest_(longest) {}

  /// Calls `sink(line, too_long)` for each line that `piece` completes; of a line that is too long `line` is empty.
  template <class Sink>
  void feed(std::string_view piece, Sink&& sink) {
    while (!piece.empty()) {
      const auto end = piece.find('\n');
      if (end == std::string_view::npos) return keep(piece);
      if (begun()) {
        keep(piece.substr(0, end));
        emit(kept_, sink);
      } else {
        emit(piece.substr(0, end), sink);
      }
      restart();
      piece.remove_prefix(end + 1);
    }
  }

  /// The last line, where it has no end.
  template <class Sink>
  void finish(Sink&& sink) {
    if (begun()) emit(kept_, sink);
    restart();
  }

 private:
  bool begun() const { return too_long_ || !kept_.empty(); }
  void keep(std::string_view part) {
    too_long_ = too_long_ || kept_.size() + part.size() > longest_ + 1;
    if (too_long_) {
      kept_.clear();
    } else {
      kept_ += part;
    }
  }
  template <class Sink>
  void emit(std::string_view line, Sink& sink) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool too_long = too_long_ || line.size() > longest_;
    sink(too_long ? std::string_view() : line, too_long);
  }
  void restart() {
    kept_.clear();
    too_long_ = false;
  }

  std::size_t longest_;
  std::string kept_;
  bool too_long_ = false;
};

}  // namespace eventbus
