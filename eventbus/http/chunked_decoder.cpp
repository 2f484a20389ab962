#include "eventbus/http/chunked_decoder.hpp"

#include <algorithm>
#include <charconv>

namespace eventbus {
namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::size_t most_trailers = 16384;

std::unexpected<Error> broken(std::string_view why) {
  return fail(ErrorCode::bad_request, "The chunked body is not valid: " + std::string(why) + ".");
}

/// No control characters but tabs: what chunk extensions and trailers may hold.
bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return (c >= ' ' && c != 0x7F) || c == '\t'; });
}

}  // namespace

Result<std::size_t> ChunkedDecoder::decode(std::string_view bytes, std::string_view& piece) {
  piece = {};
  std::size_t used = 0;
  while (state_ != State::done && used < bytes.size()) {
    const auto rest = bytes.substr(used);
    if (state_ == State::data) {
      piece = rest.substr(0, left_);
      left_ -= piece.size();
      if (left_ == 0) state_ = State::data_end;
      return used + piece.size();
    }
    const auto end = rest.find('\n');
    if (std::min(end, rest.size()) > longest_line) return broken("a line is too long");
    if (end == std::string_view::npos) break;
    if (end == 0 || rest[end - 1] != '\r') return broken("a line does not end with CRLF");
    if (auto taken = take_line(rest.substr(0, end - 1)); !taken) return std::unexpected(std::move(taken.error()));
    used += end + 1;
  }
  return used;
}

Result<void> ChunkedDecoder::take_line(std::string_view line) {
  if (state_ == State::size_line) return take_size(line);
  if (state_ == State::trailer) return take_trailer(line);
  if (!line.empty()) return broken("a chunk is longer than its size");
  state_ = State::size_line;
  return {};
}

Result<void> ChunkedDecoder::take_size(std::string_view line) {
  constexpr int hexadecimal = 16;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), left_, hexadecimal);
  const auto extension = line.substr(static_cast<std::size_t>(end - line.data()));
  if (error != std::errc{} || (!extension.empty() && extension.front() != ';') || !printable(extension)) {
    return broken("a chunk's size must be a hexadecimal number");
  }
  state_ = left_ == 0 ? State::trailer : State::data;
  return {};
}

Result<void> ChunkedDecoder::take_trailer(std::string_view line) {
  trailers_ += line.size();
  if (line.empty()) {
    state_ = State::done;
    return {};
  }
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  const bool named =
      colon != std::string_view::npos && colon > 0 && name.find_first_of(" \t") == std::string_view::npos;
  if (!named || !printable(line)) return broken("a trailer must be a header field");
  if (trailers_ > most_trailers) return broken("there are too many trailers");
  return {};
}

}  // namespace eventbus
