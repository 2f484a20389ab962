#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fuzz {

/// A blocking client connection that reads pipelined answers. Reconnects by itself after `close`.
class Connection {
 public:
  explicit Connection(std::uint16_t port) : port_(port) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Sends as much as the server takes; false when it closed the connection. Throws std::runtime_error when nobody
  /// listens.
  bool send(std::string_view bytes);

  struct Answer {
    int status = 0;
    std::string body;
    bool last = false;  ///< Nothing more follows on this connection.
  };
  /// The next final answer; none when the connection ended or stayed silent for two seconds. Throws std::runtime_error
  /// for bytes that are no HTTP answer.
  std::optional<Answer> receive(bool head);

  /// Ends the sending side, so that a server that waits for the rest of a request answers or closes.
  void finish_sending();
  void close();

 private:
  void open();
  bool more();
  std::optional<std::string> until(std::string_view mark);
  std::optional<std::string> exactly(std::size_t size);
  bool read_body(Answer& answer, std::string_view head);

  std::uint16_t port_;
  int socket_ = -1;
  std::string in_;
};

}  // namespace fuzz
