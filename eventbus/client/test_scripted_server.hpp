#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "eventbus/client/server_url.hpp"

namespace eventbus {

/// For tests. Accepts one connection for each list of answers; writes an answer after each blank line that it reads,
/// then closes.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::vector<std::string>> connections)
      : acceptor_(loop_, {boost::asio::ip::address_v4::loopback(), 0}),
        thread_([this, connections] { serve(connections); }) {}
  ~ScriptedServer() { thread_.join(); }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  ServerUrl url() const {
    return {.host = "127.0.0.1", .port = std::to_string(acceptor_.local_endpoint().port()), .base_path = ""};
  }
  /// Everything read so far; valid once the answers have arrived.
  const std::string& heard() const { return heard_; }
  /// How many connections it has closed.
  int closed() const { return closed_; }

 private:
  void serve(const std::vector<std::vector<std::string>>& connections) {
    for (const auto& answers : connections) {
      auto socket = acceptor_.accept();
      std::string buffer;
      for (const auto& answer : answers) {
        boost::system::error_code error;
        const auto size = boost::asio::read_until(socket, boost::asio::dynamic_buffer(buffer), "\r\n\r\n", error);
        if (error) break;
        heard_ += buffer.substr(0, size);
        buffer.erase(0, size);
        boost::asio::write(socket, boost::asio::buffer(answer), error);
      }
      socket.close();
      ++closed_;
    }
  }

  boost::asio::io_context loop_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::string heard_;
  std::atomic<int> closed_ = 0;
  std::thread thread_;
};

inline std::string answer(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

}  // namespace eventbus
