#include "eventbus/client/http_client.hpp"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

namespace eventbus {
namespace {

namespace asio = boost::asio;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Accepts one connection for each list of answers; writes an answer after each blank line that it reads, then closes.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::vector<std::string>> connections)
      : acceptor_(loop_, {asio::ip::address_v4::loopback(), 0}), thread_([this, connections] { serve(connections); }) {}
  ~ScriptedServer() { thread_.join(); }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  ServerUrl url() const {
    return {.host = "127.0.0.1", .port = std::to_string(acceptor_.local_endpoint().port()), .base_path = ""};
  }
  /// Everything read so far; valid once the answers have arrived.
  const std::string& heard() const { return heard_; }

 private:
  void serve(const std::vector<std::vector<std::string>>& connections) {
    for (const auto& answers : connections) {
      auto socket = acceptor_.accept();
      std::string buffer;
      for (const auto& answer : answers) {
        boost::system::error_code error;
        const auto size = asio::read_until(socket, asio::dynamic_buffer(buffer), "\r\n\r\n", error);
        if (error) break;
        heard_ += buffer.substr(0, size);
        buffer.erase(0, size);
        asio::write(socket, asio::buffer(answer), error);
      }
    }
  }

  asio::io_context loop_;
  asio::ip::tcp::acceptor acceptor_;
  std::string heard_;
  std::thread thread_;
};

std::string answer(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Unreachable& error) {
    return error.what();
  }
  return "no error";
}

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

TEST(HttpClient, ReconnectsWhenTheKeptConnectionWasClosed) {
  ScriptedServer server({{answer("200 OK", "1")}, {answer("200 OK", "2")}});
  HttpClient client(server.url());
  EXPECT_EQ(client.send({.target = "/"}).body, "1");
  EXPECT_EQ(client.send({.target = "/"}).body, "2");
}

TEST(HttpClient, SkipsInterimAnswers) {
  ScriptedServer server({{"HTTP/1.1 103 Early Hints\r\n\r\n" + answer("200 OK", "x")}});
  HttpClient client(server.url());
  EXPECT_EQ(client.send({.target = "/"}).body, "x");
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

TEST(HttpClient, SaysWhatToDoWhenNobodyListens) {
  asio::io_context loop;
  asio::ip::tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
  const auto port = std::to_string(acceptor.local_endpoint().port());
  acceptor.close();
  HttpClient client({.host = "127.0.0.1", .port = port, .base_path = ""});
  EXPECT_EQ(message_of([&] { client.send({.target = "/"}); }),
            "can't reach http://127.0.0.1:" + port +
                ": connection refused; is the server running? start it with: eventbus serve");
}

TEST(HttpClient, SaysThatTheOutcomeIsUnknownWhenTheAnswerIsCutOff) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"}});
  HttpClient client(server.url());
  EXPECT_THAT(message_of([&] { client.send({.target = "/"}); }),
              AllOf(HasSubstr("lost the connection"), HasSubstr("may or may not have been carried out")));
}

TEST(HttpClient, GivesUpAtItsTimeout) {
  asio::io_context loop;
  asio::ip::tcp::acceptor silent(loop, {asio::ip::address_v4::loopback(), 0});
  HttpClient client({.host = "127.0.0.1", .port = std::to_string(silent.local_endpoint().port()), .base_path = ""},
                    std::chrono::milliseconds(20));
  EXPECT_THAT(message_of([&] { client.send({.target = "/"}); }), HasSubstr("no answer from"));
}

TEST(HttpClient, CanBeInterruptedFromAnotherThread) {
  asio::io_context loop;
  asio::ip::tcp::acceptor silent(loop, {asio::ip::address_v4::loopback(), 0});
  HttpClient client({.host = "127.0.0.1", .port = std::to_string(silent.local_endpoint().port()), .base_path = ""});
  std::thread other([&] {
    silent.accept();
    client.interrupt();
  });
  EXPECT_THROW(client.send({.target = "/"}), Interrupted);
  other.join();
}

}  // namespace
}  // namespace eventbus
