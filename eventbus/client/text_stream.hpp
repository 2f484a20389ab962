#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace eventbus {

/// Cuts a stream that arrives in parts into its lines (ended by \n or \r\n). Not thread-safe.
class LineSplitter {
 public:
  using Sink = std::function<bool(std::string_view line)>;

  /// Calls `sink` for each line completed by `part`; false when `sink` said so, which drops the rest.
  bool feed(std::string_view part, const Sink& sink);
  /// What follows the last line end.
  const std::string& rest() const { return rest_; }

 private:
  std::string rest_;
};

struct ServerSentEvent {
  std::string id;    ///< The last id seen so far; it stays until another one comes.
  std::string type;  ///< Empty: "message".
  std::string data;
};

/// Reads Server-Sent Events (WHATWG HTML, section 9.2.6): `id`, `event`, `data`; comments and other fields are skipped.
/// Not thread-safe.
class EventStreamParser {
 public:
  using Sink = std::function<bool(const ServerSentEvent& event)>;

  /// Calls `sink` for each event completed by `part`; false when `sink` said so, which drops the rest.
  bool feed(std::string_view part, const Sink& sink);

 private:
  bool line(std::string_view text, const Sink& sink);

  LineSplitter lines_;
  ServerSentEvent event_;
  bool has_data_ = false;
};

}  // namespace eventbus
