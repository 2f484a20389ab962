#include "eventbus/http/server.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unordered_set>

#include "eventbus/http/answer.hpp"
#include "eventbus/http/connection.hpp"
#include "eventbus/http/problem.hpp"
#include "eventbus/http/services.hpp"
#include "eventbus/http/session.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

using Clock = Connection::Clock;
using Tcp = asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<Tcp, asio::io_context::executor_type>;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, asio::io_context::executor_type>;
using Connections = std::unordered_set<Connection*>;

constexpr auto accept_pause = std::chrono::milliseconds{100};
constexpr auto drain_interval = std::chrono::milliseconds{20};
constexpr std::string_view over_capacity = "There are too many connections; try again after Retry-After.";

/// How often deadlines are looked at: a small part of the shortest timeout, once a second at most.
std::chrono::milliseconds sweep_interval(const HttpSettings& settings) {
  const auto shortest =
      std::min({settings.header_timeout, settings.body_timeout, settings.idle_timeout, settings.write_timeout});
  return std::clamp(shortest / 8, std::chrono::milliseconds{10}, std::chrono::milliseconds{1000});
}

std::string refusal() {
  AnswerHead head{.status = 503, .content_type = problem_type, .keep_alive = false};
  std::string body;
  const std::string id = "over-capacity";
  append_problem(body, {ErrorCode::unavailable, std::string(over_capacity)}, id);
  head.content_length = body.size();
  head.correlation_id = id;
  head.headers = "Retry-After: 1\r\n";
  std::string out;
  append_head(out, head);
  return out + body;
}

}  // namespace

struct HttpServer::Impl {
  Impl(asio::io_context& loop, Bus& bus, MetricRegistry& metrics, HttpSettings settings, ReadinessProbe readiness)
      : services(std::make_shared<Services>(bus, metrics, std::move(settings), std::move(readiness))),
        connections(std::make_shared<Connections>()),
        acceptor(loop.get_executor()),
        sweeper(loop.get_executor()),
        pause(loop.get_executor()),
        tasks(loop.get_executor()) {}

  asio::awaitable<void> accept();
  asio::awaitable<void> sweep();
  static asio::awaitable<void> serve(std::shared_ptr<Services> services, std::shared_ptr<Connections> connections,
                                     std::shared_ptr<Connection> connection);
  void admit(Connection::Socket socket);
  void stop(Clock::time_point at);

  std::shared_ptr<Services> services;
  std::shared_ptr<Connections> connections;
  Acceptor acceptor;
  Timer sweeper;
  Timer pause;
  TaskGroup tasks;
  std::uint16_t port = 0;
  Clock::time_point deadline = Clock::time_point::max();
};

HttpServer::HttpServer(asio::io_context& loop, Bus& bus, MetricRegistry& metrics, HttpSettings settings,
                       ReadinessProbe readiness)
    : impl_(std::make_unique<Impl>(loop, bus, metrics, std::move(settings), std::move(readiness))) {}

HttpServer::~HttpServer() = default;

void HttpServer::listen() {
  const auto& settings = impl_->services->settings;
  const auto operation = "listen on " + settings.address + ":" + std::to_string(settings.port);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(settings.address, error);
  if (error) throw Unavailable(operation, "the address must be a numeric IPv4 or IPv6 address");
  try {
    const Tcp::endpoint endpoint(address, settings.port);
    impl_->acceptor.open(endpoint.protocol());
    impl_->acceptor.set_option(Tcp::acceptor::reuse_address(true));
    impl_->acceptor.bind(endpoint);
    impl_->acceptor.listen();
    impl_->port = impl_->acceptor.local_endpoint().port();
  } catch (const boost::system::system_error& failure) {
    throw Unavailable(operation, failure.code().message());
  }
}

std::uint16_t HttpServer::port() const {
  return impl_->port;
}

asio::awaitable<void> HttpServer::run() {
  impl_->tasks.spawn("http accept", impl_->accept());
  co_await impl_->sweep();
  co_await impl_->tasks.join();
}

void HttpServer::stop(Clock::time_point deadline) {
  impl_->stop(deadline);
}

asio::awaitable<void> HttpServer::Impl::accept() {
  while (!services->draining) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (!error) {
      admit(std::move(socket));
    } else if (!services->draining && error != asio::error::connection_aborted) {
      const auto reason = error.message();
      log(services->troubles.level(reason), "connections can't be accepted; trying again",
          {{"error", std::string_view(reason)}});
      pause.expires_after(accept_pause);
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
}

void HttpServer::Impl::admit(Connection::Socket socket) {
  if (connections->size() < services->settings.max_connections) {
    auto connection = std::make_shared<Connection>(std::move(socket), services->settings);
    connections->insert(connection.get());
    services->metrics.connections.set(static_cast<double>(connections->size()));
    tasks.spawn("http session", serve(services, connections, std::move(connection)));
    return;
  }
  boost::system::error_code ignored;  // it is being turned away anyway
  socket.non_blocking(true, ignored);
  const auto answer = refusal();
  socket.write_some(asio::buffer(answer), ignored);
  socket.shutdown(Connection::Socket::shutdown_send, ignored);
}

asio::awaitable<void> HttpServer::Impl::serve(std::shared_ptr<Services> services,
                                              std::shared_ptr<Connections> connections,
                                              std::shared_ptr<Connection> connection) {
  try {
    co_await Session::serve(services, connection);
  } catch (const std::exception& fault) {
    log_error("a connection was cut for a reason that should not exist", {{"error", std::string_view(fault.what())}});
  }
  connections->erase(connection.get());
  services->metrics.connections.set(static_cast<double>(connections->size()));
}

asio::awaitable<void> HttpServer::Impl::sweep() {
  const auto interval = sweep_interval(services->settings);
  while (!services->draining || !connections->empty()) {
    sweeper.expires_after(services->draining ? std::min(interval, drain_interval) : interval);
    co_await sweeper.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto now = Clock::now();
    for (auto* connection : *connections) connection->expire(now);
    if (now >= deadline) {
      for (auto* connection : *connections) connection->close();
    } else if (services->draining) {
      for (auto* connection : *connections) connection->drain();
    }
  }
}

void HttpServer::Impl::stop(Clock::time_point at) {
  deadline = std::min(deadline, at);
  services->draining = true;
  boost::system::error_code ignored;  // fails when it never listened
  acceptor.close(ignored);
  pause.cancel();
  sweeper.cancel();
}

}  // namespace eventbus
