/// The peer of E1: Boost.Beast with a coroutine a connection and one thread, answering every request with a constant
/// 201.
///   constant_server [port]      prints the port it listens on
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <iostream>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

asio::awaitable<void> session(tcp::socket socket) {
  socket.set_option(tcp::no_delay(true));
  boost::beast::flat_buffer buffer;
  try {
    while (true) {
      http::request<http::string_body> request;
      co_await http::async_read(socket, buffer, request, asio::use_awaitable);
      http::response<http::string_body> response{http::status::created, 11};
      response.set(http::field::content_type, "application/json");
      response.set(http::field::location, "/events/0190163d-8694-739b-aea5-966c26f8ad90");
      response.body() = R"({"event_id":"0190163d-8694-739b-aea5-966c26f8ad90","status":"stored"})";
      response.prepare_payload();
      co_await http::async_write(socket, response, asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {
    socket.close();
  }
}

asio::awaitable<void> serve(tcp::acceptor acceptor) {
  while (true) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), session(std::move(socket)), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) {
  asio::io_context loop{1};
  auto port = static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 0);
  tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), port});
  std::cout << acceptor.local_endpoint().port() << std::endl;
  asio::co_spawn(loop, serve(std::move(acceptor)), asio::detached);
  loop.run();
}
