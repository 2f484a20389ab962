// A head that is found complete stays where it is, however its bytes were cut; a request that is accepted has one
// framing, and its chunked body decodes the same whether it comes at once or byte by byte.
#include "eventbus/http/chunked_decoder.hpp"
#include "eventbus/http/request_parser.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace eventbus;
using fuzz::require;

namespace {

struct Decoded {
  std::string body;
  bool done = false;
  bool refused = false;
};

Decoded decode(std::string_view input, std::size_t step) {
  ChunkedDecoder decoder;
  Decoded decoded;
  std::size_t begin = 0;
  for (std::size_t end = std::min(step, input.size()); begin < end && !decoder.done();) {
    std::string_view piece;
    const auto used = decoder.decode(input.substr(begin, end - begin), piece);
    if (!used) {
      decoded.refused = true;
      return decoded;
    }
    decoded.body += piece;
    begin += *used;
    if (*used > 0 && begin < end) continue;
    if (end == input.size()) break;
    end = std::min(end + step, input.size());
  }
  decoded.done = decoder.done();
  return decoded;
}

void check_body(std::string_view input) {
  const auto whole = decode(input, input.size());
  const auto pieces = decode(input, 1);
  require(whole.refused == pieces.refused && whole.done == pieces.done, "how a body is cut does not decide about it");
  require(!whole.done || whole.body == pieces.body, "how a body is cut does not change it");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  HeadScanner whole;
  HeadScanner pieces;
  const auto state = whole.scan(input);
  auto again = HeadScanner::State::incomplete;
  for (std::size_t end = 0; end <= size && again == HeadScanner::State::incomplete; ++end)
    again = pieces.scan(input.substr(0, end));
  require(again == state && (state != HeadScanner::State::complete || pieces.length() == whole.length()),
          "cuts don't matter");
  if (state != HeadScanner::State::complete) return 0;
  Request request;
  RequestParser parser(request);
  const auto head = input.substr(0, whole.length());
  if (!parser.parse_head(head)) return 0;
  require(!(request.chunked && request.content_length), "a request has one framing");
  require(request.path == "*" || request.path.starts_with('/'), "a target is a path");
  if (request.chunked) check_body(input.substr(whole.length()));
  return 0;
}
