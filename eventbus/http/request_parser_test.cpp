#include "eventbus/http/request_parser.hpp"

#include <gtest/gtest.h>

#include <string>

namespace eventbus {
namespace {

using State = HeadScanner::State;

Result<void> parse(std::string_view head, Request& request) {
  RequestParser parser(request);
  return parser.parse_head(head);
}

bool accepted(const std::string& head) {
  HeadScanner scanner;
  if (scanner.scan(head) != State::complete) return false;
  Request request;
  return parse(head, request).has_value();
}

std::string with(const std::string& headers, const std::string& method = "POST") {
  return method + " /events HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

TEST(HeadScanner, FindsTheEndWhereverTheBytesAreCut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t cut = 0; cut < head.size(); ++cut) {
    HeadScanner scanner;
    EXPECT_EQ(scanner.scan(head.substr(0, cut)), State::incomplete) << cut;
    EXPECT_EQ(scanner.scan(head + "body"), State::complete);
    EXPECT_EQ(scanner.length(), head.size());
  }
}

TEST(HeadScanner, RefusesWhatLinesMustNotBe) {
  for (const auto* head :
       {"GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: x\n", "GET / HTTP/1.1\r\nA: b\r\n c\r\n",
        "GET / HTTP/1.1\r\n Host: x\r\n", "GET / HTTP/1.1\r\nA: b\rc\r\n", "GET / HTTP/1.1\r\nA: b\r\n\tc\r\n"}) {
    EXPECT_EQ(HeadScanner().scan(head), State::malformed) << head;
  }
}

TEST(RequestParser, ReadsTheHead) {
  Request request;
  const std::string head =
      "PUT /queues/q?a=1&b=2 HTTP/1.1\r\nHost: x\r\nX-Thing:  some value \r\nContent-Length: 5\r\nExpect: "
      "100-continue\r\n\r\n";
  ASSERT_TRUE(parse(head, request));
  EXPECT_EQ(request.method, http::verb::put);
  EXPECT_EQ(request.path, "/queues/q");
  EXPECT_EQ(request.query, "a=1&b=2");
  EXPECT_EQ(request.header("x-thing"), "some value");
  EXPECT_EQ(request.content_length, 5U);
  EXPECT_TRUE(request.expects_continue);
  EXPECT_TRUE(request.keep_alive);
  EXPECT_TRUE(request.has_body());
}

TEST(RequestParser, KnowsWhatStaysOpen) {
  Request request;
  ASSERT_TRUE(parse("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", request));
  EXPECT_FALSE(request.keep_alive);
  ASSERT_TRUE(parse("GET / HTTP/1.0\r\n\r\n", request = {}));
  EXPECT_FALSE(request.keep_alive);
  EXPECT_EQ(request.version, 10U);
  ASSERT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", request = {}));
  EXPECT_TRUE(request.keep_alive);
}

TEST(RequestParser, UnderstandsAbsoluteAndAsteriskTargets) {
  Request request;
  ASSERT_TRUE(parse("GET http://host:1/a/b?c HTTP/1.1\r\nHost: x\r\n\r\n", request));
  EXPECT_EQ(request.path, "/a/b");
  EXPECT_EQ(request.query, "c");
  ASSERT_TRUE(parse("GET http://host HTTP/1.1\r\nHost: x\r\n\r\n", request = {}));
  EXPECT_EQ(request.path, "/");
  ASSERT_TRUE(parse("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", request = {}));
  EXPECT_EQ(request.path, "*");
  ASSERT_TRUE(parse("GET /a?u=http://b HTTP/1.1\r\nHost: x\r\n\r\n", request = {}));
  EXPECT_EQ(request.path, "/a");
}

TEST(RequestParser, RefusesSmugglingShapes) {
  EXPECT_TRUE(accepted(with("Content-Length: 5\r\n")));
  EXPECT_TRUE(accepted(with("Transfer-Encoding: Chunked\r\n")));
  for (const auto* headers : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                              "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                              "Content-Length: 5\r\nContent-Length: 5\r\n",
                              "Content-Length: 5\r\nContent-Length: 6\r\n",
                              "Content-Length: 5, 5\r\n",
                              "Content-Length: +5\r\n",
                              "Content-Length: -1\r\n",
                              "Content-Length: 0x5\r\n",
                              "Content-Length: 5 5\r\n",
                              "Content-Length:\r\n",
                              "Content-Length: 99999999999999999999\r\n",
                              "Transfer-Encoding: xchunked\r\n",
                              "Transfer-Encoding: gzip, chunked\r\n",
                              "Transfer-Encoding: identity\r\n",
                              "Transfer-Encoding: chunked, identity\r\n",
                              "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                              "Transfer-Encoding: \013chunked\r\n",
                              "Transfer-Encoding:\r\n",
                              "Content-Length : 5\r\n",
                              "Host: y\r\n",
                              "nonsense\r\n",
                              ": 1\r\n",
                              "A: b\x01\r\n"}) {
    EXPECT_FALSE(accepted(with(headers))) << headers;
  }
  EXPECT_FALSE(accepted("POST /events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

TEST(RequestParser, RefusesBrokenRequestLines) {
  for (const auto* line : {"GET /", "GET / HTTP/9.9", "GET / HTTP/2.0", "GET  / HTTP/1.1", "GET /a b HTTP/1.1",
                           "GET a HTTP/1.1", "GET * HTTP/1.1", "GET /\x01 HTTP/1.1", "/ HTTP/1.1",
                           "CONNECT host:1 HTTP/1.1", "GET http://h?x HTTP/1.1", " GET / HTTP/1.1"}) {
    EXPECT_FALSE(accepted(std::string(line) + "\r\nHost: x\r\n\r\n")) << line;
  }
  EXPECT_FALSE(accepted("GET / HTTP/1.1\r\n\r\n")) << "no Host";
}

}  // namespace
}  // namespace eventbus
