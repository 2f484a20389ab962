#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eventbus/core/error.hpp"
#include "eventbus/http/chunked_decoder.hpp"
#include "eventbus/http/connection.hpp"
#include "eventbus/http/request.hpp"

namespace eventbus {

/// Reads the body of one request at a time, whole or in pieces, without copying where it arrives unchunked. Asks for it
/// with `100 Continue` where the client waits for that. Errors: `bad_request` (broken chunking, or the client went
/// away), `timeout`, `too_large`; after an error the connection can't be used further.
class BodyReader {
 public:
  explicit BodyReader(Connection& connection, const HttpSettings& settings)
      : connection_(connection), settings_(settings) {}

  void begin(const Request& request);
  /// Everything of the body was read.
  bool finished() const { return finished_; }

  /// The body, when it is in the buffer already. Valid until `end`.
  std::optional<std::string_view> whole_now();
  /// The body. Valid until `end`.
  asio::awaitable<Result<std::string_view>> whole(std::size_t limit);
  /// The next piece, valid until the next call; empty at the end.
  asio::awaitable<Result<std::string_view>> next();

  /// Passes over what has arrived of a chunked body that the handler left: only its end tells how long it is.
  void skip_arrived();
  /// Whether `skip_rest` is worth trying: the rest is known to be little and the client is sending it.
  bool skippable() const;
  /// Reads on over what the handler left, when that is little; false when the connection had better be closed.
  asio::awaitable<bool> skip_rest();
  /// Gives the bytes of the last view back.
  void end();

 private:
  asio::awaitable<Result<void>> more(std::size_t wanted);
  asio::awaitable<Result<std::string_view>> next_chunk();
  asio::awaitable<Result<std::string_view>> whole_chunked(std::size_t limit);

  Connection& connection_;
  const HttpSettings& settings_;
  ChunkedDecoder decoder_;
  std::uint64_t remaining_ = 0;  ///< Of a body with Content-Length: bytes not lent out yet.
  std::size_t lent_ = 0;         ///< Bytes at the front of the input that the last view shows.
  std::string gathered_;
  bool chunked_ = false;
  bool finished_ = true;
  bool asked_for_ = true;
};

}  // namespace eventbus
