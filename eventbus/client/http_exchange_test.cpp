#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>

#include "eventbus/client/http_client.hpp"
#include "eventbus/client/http_connection.hpp"
#include "eventbus/client/test_scripted_server.hpp"
#include "eventbus/testing/waiting.hpp"

namespace eventbus {
namespace {

namespace asio = boost::asio;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t a_mebibyte = std::uint64_t{1} << 20U;

class Sender {
 public:
  virtual ~Sender() = default;
  virtual HttpAnswer send(const HttpRequest& request) = 0;
};

class BlockingSender : public Sender {
 public:
  BlockingSender(const ServerUrl& server, std::chrono::milliseconds timeout) : client_(server, timeout) {}
  HttpAnswer send(const HttpRequest& request) override { return client_.send(request); }

 private:
  HttpClient client_;
};

class AwaitableSender : public Sender {
 public:
  AwaitableSender(const ServerUrl& server, std::chrono::milliseconds timeout)
      : connection_(loop_.get_executor(), server, a_mebibyte), timeout_(timeout) {}
  HttpAnswer send(const HttpRequest& request) override {
    auto sending = asio::co_spawn(loop_, connection_.send(request, timeout_), asio::use_future);
    return result_of(loop_, std::move(sending), "an answer");
  }

 private:
  asio::io_context loop_;
  HttpConnection connection_;
  std::chrono::milliseconds timeout_;
};

std::string failure_of(Sender& sender, const HttpRequest& request) {
  try {
    sender.send(request);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

/// What the blocking and the awaitable client do alike.
class HttpExchangeTest : public testing::TestWithParam<bool> {
 protected:
  static std::unique_ptr<Sender> to(const ServerUrl& server,
                                    std::chrono::milliseconds timeout = std::chrono::milliseconds(test_patience)) {
    if (GetParam()) return std::make_unique<AwaitableSender>(server, timeout);
    return std::make_unique<BlockingSender>(server, timeout);
  }
};

INSTANTIATE_TEST_SUITE_P(All, HttpExchangeTest, testing::Values(false, true),
                         [](const auto& which) { return which.param ? "Awaitable" : "Blocking"; });

TEST_P(HttpExchangeTest, ReplacesAKeptConnectionThatTheServerClosed) {
  ScriptedServer server({{answer("200 OK", "1")}, {answer("200 OK", "2")}});
  const auto sender = to(server.url());
  EXPECT_EQ(sender->send({.target = "/"}).body, "1");
  wait_until("the server to close", [&] { return server.closed() == 1; });
  EXPECT_EQ(sender->send({.method = "POST", .target = "/"}).body, "2");
}

TEST_P(HttpExchangeTest, RepeatsWhatMayBeRepeatedWhenAKeptConnectionBreaks) {
  for (const HttpRequest& request : {HttpRequest{.target = "/"}, HttpRequest{.method = "PUT", .target = "/"},
                                     HttpRequest{.method = "POST", .target = "/", .repeatable = true}}) {
    ScriptedServer server({{answer("200 OK", "1"), ""}, {answer("200 OK", "2")}});
    const auto sender = to(server.url());
    sender->send({.target = "/"});
    EXPECT_EQ(sender->send(request).body, "2") << request.method;
  }
}

TEST_P(HttpExchangeTest, SendsNothingTwiceThatMayNotBe) {
  for (const auto* method : {"POST", "DELETE"}) {
    ScriptedServer server({{answer("200 OK", "1"), ""}, {answer("200 OK", "3")}});
    const auto sender = to(server.url());
    sender->send({.target = "/"});
    EXPECT_THAT(failure_of(*sender, {.method = method, .target = "/"}),
                AllOf(HasSubstr("lost the connection"), HasSubstr("may or may not have been carried out")));
    EXPECT_EQ(sender->send({.target = "/"}).body, "3") << "it connects anew";
  }
}

TEST_P(HttpExchangeTest, RepeatsNothingOnANewConnection) {
  ScriptedServer server({{""}});
  EXPECT_THAT(failure_of(*to(server.url()), {.target = "/"}), HasSubstr("lost the connection"));
}

TEST_P(HttpExchangeTest, ReadsEveryFraming) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  ScriptedServer server({{chunked, "HTTP/1.1 103 Early Hints\r\n\r\n" + answer("200 OK", "length"),
                          "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nuntil the end"}});
  const auto sender = to(server.url());
  EXPECT_EQ(sender->send({.target = "/"}).body, "abcde");
  EXPECT_EQ(sender->send({.target = "/"}).body, "length");
  EXPECT_EQ(sender->send({.target = "/"}).status, 204);
  EXPECT_EQ(sender->send({.target = "/"}).body, "until the end");
}

TEST_P(HttpExchangeTest, ConnectsAnewWhenTheServerSaidSo) {
  ScriptedServer server(
      {{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1"}, {answer("200 OK", "2")}});
  const auto sender = to(server.url());
  EXPECT_EQ(sender->send({.target = "/"}).body, "1");
  EXPECT_EQ(sender->send({.method = "POST", .target = "/"}).body, "2");
}

TEST_P(HttpExchangeTest, SaysThatAnAnswerWasCutOff) {
  for (const auto* cut : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "HTTP/1.1 20"}) {
    ScriptedServer server({{cut}});
    EXPECT_THAT(failure_of(*to(server.url()), {.target = "/"}),
                AllOf(HasSubstr("lost the connection"), HasSubstr("may or may not have been carried out")))
        << cut;
  }
}

TEST_P(HttpExchangeTest, RefusesWhatIsNoHttp) {
  ScriptedServer server({{"SSH-2.0-OpenSSH_9.2\r\n\r\n"}});
  EXPECT_THAT(failure_of(*to(server.url()), {.target = "/"}), HasSubstr("lost the connection"));
}

TEST_P(HttpExchangeTest, GivesUpOnAServerThatHangs) {
  asio::io_context loop;
  asio::ip::tcp::acceptor silent(loop, {asio::ip::address_v4::loopback(), 0});
  const auto port = std::to_string(silent.local_endpoint().port());
  std::string failure;
  // A busy machine may need all the time for connecting.
  for (std::chrono::milliseconds time{20}; time < test_patience; time *= 2) {
    failure = failure_of(*to({.host = "127.0.0.1", .port = port, .base_path = ""}, time), {.target = "/"});
    if (!failure.starts_with("can't reach")) break;
  }
  EXPECT_THAT(failure, AllOf(HasSubstr("no answer from"), HasSubstr("may or may not have been carried out")));
}

TEST_P(HttpExchangeTest, SaysWhatToDoWhenNobodyListens) {
  asio::io_context loop;
  asio::ip::tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
  const auto port = std::to_string(acceptor.local_endpoint().port());
  acceptor.close();
  EXPECT_EQ(failure_of(*to({.host = "127.0.0.1", .port = port, .base_path = ""}), {.target = "/"}),
            "can't reach http://127.0.0.1:" + port +
                ": connection refused; is the server running? start it with: eventbus serve");
}

TEST(HttpConnection, TakesNoLargerAnswerThanItsLimit) {
  const std::string most(a_mebibyte, 'x');
  const std::string chunk = "\r\n" + most + "\r\n";
  for (const auto& large :
       {answer("200 OK", most + "x"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000" + chunk + "1\r\nx\r\n0\r\n\r\n"}) {
    ScriptedServer server({{answer("200 OK", most)}, {large}, {answer("200 OK", "small")}});
    AwaitableSender sender(server.url(), test_patience);
    EXPECT_EQ(sender.send({.target = "/"}).body, most);
    wait_until("the server to close", [&] { return server.closed() == 1; });
    EXPECT_THAT(failure_of(sender, {.target = "/"}), AllOf(HasSubstr("1 MiB"), HasSubstr("ask for less")));
    EXPECT_EQ(sender.send({.target = "/"}).body, "small");
  }
}

/// The limit is for the whole answer, however alive the server looks.
TEST(HttpConnection, GivesUpOnAnAnswerWithoutEnd) {
  asio::io_context loop;
  asio::ip::tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
  const auto port = std::to_string(acceptor.local_endpoint().port());
  std::thread server([&] {
    auto socket = acceptor.accept();
    boost::system::error_code error;
    const Wait wait("the client to give up");
    while (!error) {
      wait.go_on();
      asio::write(socket, asio::buffer(std::string("HTTP/1.1 103 Early Hints\r\n\r\n")), error);
    }
  });
  AwaitableSender sender({.host = "127.0.0.1", .port = port, .base_path = ""}, std::chrono::milliseconds(200));
  EXPECT_THAT(failure_of(sender, {.target = "/"}), HasSubstr("no answer from"));
  server.join();
}

}  // namespace
}  // namespace eventbus
