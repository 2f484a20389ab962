#include "eventbus/http/chunked_decoder.hpp"

#include <gtest/gtest.h>

#include <string>

namespace eventbus {
namespace {

struct Outcome {
  std::string body;
  bool done = false;
  bool refused = false;
};

/// Decodes `input` as it would arrive in pieces of `step` bytes.
Outcome decode(std::string_view input, std::size_t step) {
  Outcome outcome;
  ChunkedDecoder decoder;
  std::string waiting;
  while (!input.empty() && !decoder.done()) {
    waiting += input.substr(0, step);
    input.remove_prefix(std::min(step, input.size()));
    for (std::size_t used = 1; used > 0 && !waiting.empty() && !decoder.done();) {
      std::string_view piece;
      const auto taken = decoder.decode(waiting, piece);
      if (!taken) return {.body = {}, .done = false, .refused = true};
      outcome.body += piece;
      used = *taken;
      waiting.erase(0, used);
    }
  }
  outcome.done = decoder.done();
  return outcome;
}

TEST(ChunkedDecoder, DoesNotDependOnHowTheBodyIsCut) {
  const std::string body =
      "5;name=\"v\"\r\nhello\r\n0000000000000001\r\n!\r\nA\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t step = 1; step <= body.size(); ++step) {
    const auto outcome = decode(body, step);
    EXPECT_TRUE(outcome.done) << step;
    EXPECT_EQ(outcome.body, "hello!\r\n\r\n\r\n\r\n\r\n") << step;
  }
}

TEST(ChunkedDecoder, TakesAnEmptyBodyHoweverItIsCut) {
  for (std::size_t step = 1; step <= 5; ++step) EXPECT_TRUE(decode("0\r\n\r\n", step).done) << step;
  for (std::size_t step = 1; step <= 12; ++step) EXPECT_TRUE(decode("0\r\nT: v\r\n\r\n", step).done) << step;
}

TEST(ChunkedDecoder, LeavesWhatFollows) {
  ChunkedDecoder decoder;
  std::string_view piece;
  EXPECT_EQ(decoder.decode("0\r\n\r\nGET / HTTP/1.1\r\n", piece), 5U);
  EXPECT_TRUE(decoder.done());
}

TEST(ChunkedDecoder, RefusesEveryOtherShape) {
  const std::string overlong = "5;" + std::string(5000, 'x');
  std::string trailers = "0\r\n";
  for (int i = 0; i < 1000; ++i) trailers += "Some-Trailer: some value\r\n";
  for (const std::string& body :
       {std::string("+5\r\nhello\r\n"), std::string("-1\r\n"), std::string("0x5\r\nhello\r\n"), std::string("xyz\r\n"),
        std::string("\r\n"), std::string(" 5\r\n"), std::string("5 \r\nhello\r\n"), std::string("5\nhello\r\n"),
        std::string("5\r\nhelloX\r\n"), std::string("5\r\nhello\n"), std::string("fffffffffffffffff\r\n"),
        std::string("5;\x01\r\nhello\r\n"), std::string("5;a\rb\r\nhello\r\n"), std::string("0\r\nnonsense\r\n\r\n"),
        std::string("0\r\n: v\r\n\r\n"), std::string("0\r\nT : v\r\n\r\n"), std::string("0\r\n folded: v\r\n\r\n"),
        overlong, trailers}) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, body.size()})
      EXPECT_TRUE(decode(body, step).refused) << body << step;
  }
}

}  // namespace
}  // namespace eventbus
