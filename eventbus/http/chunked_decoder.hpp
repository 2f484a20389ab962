#pragma once

#include <cstdint>
#include <string_view>

#include "eventbus/core/error.hpp"

namespace eventbus {

/// Decodes a chunked body (RFC 9112 section 7.1) that arrives piece by piece, without copying. Strict: sizes are 1–16
/// hex digits, lines end with CRLF, extensions and trailers are checked and dropped. Not Beast's, whose parser of
/// Boost 1.81 asserts when the last chunk of an empty body arrives byte by byte.
class ChunkedDecoder {
 public:
  /// Takes bytes that follow those used before; returns how many were used now. `piece` gets content found, a view into
  /// `bytes`. Needs more bytes when it used none and is not done. Errors: `bad_request`; the decoder is of no use then.
  Result<std::size_t> decode(std::string_view bytes, std::string_view& piece);
  bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t { size_line, data, data_end, trailer, done };

  Result<void> take_line(std::string_view line);
  Result<void> take_size(std::string_view line);
  Result<void> take_trailer(std::string_view line);

  State state_ = State::size_line;
  std::uint64_t left_ = 0;    ///< Bytes of the current chunk still to come.
  std::size_t trailers_ = 0;  ///< Their bytes so far.
};

}  // namespace eventbus
