#include "eventbus/client/http_client.hpp"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <thread>

#include "eventbus/client/test_scripted_server.hpp"

namespace eventbus {
namespace {

namespace asio = boost::asio;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ServerUrl, ReadsHostPortAndBasePath) {
  const auto url = parse_server_url("http://[::1]:9000/bus/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, "9000");
  EXPECT_EQ(url->base_path, "/bus");
  EXPECT_EQ(url->text(), "http://[::1]:9000/bus");
  EXPECT_EQ(parse_server_url("http://bus.example")->text(), "http://bus.example:80");
}

TEST(ServerUrl, SaysHowItIsWritten) {
  for (const auto* wrong : {"", "localhost:8000", "https://a", "http://", "http://u:p@a", "http://a/?q", "ftp://a"}) {
    const auto url = parse_server_url(wrong);
    ASSERT_FALSE(url) << wrong;
    EXPECT_THAT(url.error().detail, HasSubstr("write it like http://127.0.0.1:8000"));
  }
}

TEST(PercentEncode, KeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("leveldb/54f1 \xc3\xa9~"), "leveldb%2F54f1%20%C3%A9~");
}

TEST(HttpClient, KeepsItsConnection) {
  ScriptedServer server({{answer("200 OK", "1"), answer("404 Not Found", "2")}});
  HttpClient client(server.url());
  EXPECT_EQ(client.send({.target = "/a"}).body, "1");
  const auto second = client.send({.target = "/b"});
  EXPECT_EQ(second.status, 404);
  EXPECT_EQ(second.content_type, "application/json");
  EXPECT_THAT(server.heard(), AllOf(HasSubstr("GET /a HTTP/1.1\r\n"), HasSubstr("GET /b HTTP/1.1\r\n")));
}

TEST(HttpClient, StreamsAnAnswerPartByPart) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"}});
  HttpClient client(server.url());
  std::string got;
  const auto end = client.stream({.target = "/"}, [&](std::string_view part) {
    got += part;
    return true;
  });
  EXPECT_EQ(got, "abcde");
  EXPECT_EQ(end.status, 200);
  EXPECT_EQ(end.body, "");
}

TEST(HttpClient, HoldsARefusalOfAStreamWhole) {
  ScriptedServer server({{answer("422 Unprocessable Entity", "{}")}});
  HttpClient client(server.url());
  const auto end = client.stream({.target = "/"}, [](std::string_view) { return true; });
  EXPECT_EQ(end.status, 422);
  EXPECT_EQ(end.body, "{}");
}

TEST(HttpClient, UploadsInChunksAndStopsAtAnEarlyAnswer) {
  ScriptedServer server({{answer("503 Service Unavailable", "{}")}});
  HttpClient client(server.url());
  // Endless: only an answer before its end lets the upload come back.
  const auto end = client.upload({.method = "POST", .target = "/"}, [] { return std::string(1000, 'x'); });
  EXPECT_EQ(end.status, 503);
}

TEST(HttpClient, UploadsAllChunks) {
  ScriptedServer server({{"", answer("201 Created", "{}")}});
  HttpClient client(server.url());
  std::vector<std::string> parts{"", "cd", "ab"};
  const auto end = client.upload({.method = "POST", .target = "/"}, [&] {
    auto part = parts.back();
    parts.pop_back();
    return part;
  });
  EXPECT_EQ(end.status, 201);
  EXPECT_THAT(server.heard(),
              AllOf(HasSubstr("Transfer-Encoding: chunked"), HasSubstr("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")));
}

TEST(HttpClient, CanBeInterruptedFromAnotherThread) {
  asio::io_context loop;
  asio::ip::tcp::acceptor silent(loop, {asio::ip::address_v4::loopback(), 0});
  HttpClient client({.host = "127.0.0.1", .port = std::to_string(silent.local_endpoint().port()), .base_path = ""});
  std::thread other([&] {
    const auto held = silent.accept();
    client.interrupt();
  });
  EXPECT_THROW(client.send({.target = "/"}), Interrupted);
  other.join();
}

}  // namespace
}  // namespace eventbus
