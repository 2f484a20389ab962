#pragma once

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/packaged_task.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/system/system_error.hpp>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace eventbus {

namespace asio = boost::asio;

struct ScriptedAnswer {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::string retry_after = {};
};

/// For tests. Answers requests by method and target as it was told, any number at a time; those to receive only once
/// `answer_polls` is called.
class ScriptedService {
 public:
  using Answers = std::map<std::string, ScriptedAnswer>;

  explicit ScriptedService(Answers answers)
      : answers_(std::move(answers)), acceptor_(loop_, {asio::ip::address_v4::loopback(), 0}) {
    asio::co_spawn(loop_, accept(), asio::detached);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~ScriptedService() {
    on_loop([this] {
      acceptor_.close();
      for (auto& socket : sockets_) socket->close();
      polls_.cancel();
    });
    thread_.join();
  }
  ScriptedService(const ScriptedService&) = delete;
  ScriptedService& operator=(const ScriptedService&) = delete;

  std::string url() { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  int polls() const { return held_; }
  void answer_polls() {
    on_loop([this] { polls_.cancel(); });
  }
  /// Of the last request that had one.
  std::string last_body() {
    std::string body;
    on_loop([&] { body = last_body_; });
    return body;
  }
  int connections() {
    std::size_t count = 0;
    on_loop([&] { count = sockets_.size(); });
    return static_cast<int>(count);
  }

 private:
  void on_loop(const std::function<void()>& work) { asio::post(loop_, std::packaged_task<void()>(work)).get(); }

  using Socket = asio::ip::tcp::socket;

  asio::awaitable<void> accept() {
    try {
      while (true) {
        auto socket = std::make_shared<Socket>(co_await acceptor_.async_accept(asio::use_awaitable));
        sockets_.push_back(socket);
        asio::co_spawn(loop_, serve(socket), asio::detached);
      }
    } catch (const boost::system::system_error&) {
      co_return;
    }
  }

  asio::awaitable<void> serve(std::shared_ptr<Socket> socket) {
    namespace http = boost::beast::http;
    boost::beast::flat_buffer buffer;
    try {
      while (true) {
        http::request<http::string_body> request;
        co_await http::async_read(*socket, buffer, request, asio::use_awaitable);
        const auto key = std::string(request.method_string()) + " " + std::string(request.target());
        if (key.ends_with("/receive")) co_await hold();
        if (!request.body().empty()) last_body_ = request.body();
        const auto response = response_to(key);
        co_await http::async_write(*socket, response, asio::use_awaitable);
      }
    } catch (const boost::system::system_error&) {
      co_return;
    }
  }

  boost::beast::http::response<boost::beast::http::string_body> response_to(const std::string& key) const {
    namespace http = boost::beast::http;
    const auto found = answers_.find(key);
    const auto answer = found == answers_.end() ? ScriptedAnswer{404, "{}"} : found->second;
    http::response<http::string_body> response(http::int_to_status(static_cast<unsigned>(answer.status)), 11);
    response.set(http::field::content_type, answer.content_type);
    if (!answer.retry_after.empty()) response.set(http::field::retry_after, answer.retry_after);
    response.body() = answer.body;
    response.prepare_payload();
    return response;
  }

  asio::awaitable<void> hold() {
    ++held_;
    try {
      co_await polls_.async_wait(asio::use_awaitable);
    } catch (const boost::system::system_error&) {
      co_return;
    }
  }

  Answers answers_;
  std::atomic<int> held_ = 0;
  std::string last_body_;
  std::vector<std::shared_ptr<Socket>> sockets_;
  asio::io_context loop_{1};
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer polls_{loop_, std::chrono::hours(1)};
  std::thread thread_;
};

}  // namespace eventbus
