#include "eventbus/postgres/resolver.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "eventbus/postgres/server_error.hpp"

namespace eventbus::postgres {
namespace {

using asio::ip::tcp;

/// Shared with the look-up, which can't be stopped and may end after the deadline.
struct LookUp {
  explicit LookUp(asio::any_io_executor executor) : resolver(executor), timer(executor) {}
  tcp::resolver resolver;
  asio::steady_timer timer;
  std::vector<std::string> addresses;
  std::string error = "the name service doesn't answer";
};

bool needs_look_up(const Endpoint& endpoint) {
  return endpoint.address.empty() && !endpoint.host.empty() && endpoint.host.front() != '/' &&
         endpoint.host.front() != '@';
}

asio::awaitable<std::shared_ptr<LookUp>> look_up(asio::any_io_executor executor, std::string host, Deadline deadline) {
  auto state = std::make_shared<LookUp>(executor);
  state->timer.expires_at(deadline);
  state->resolver.async_resolve(host, "",
                                [state](const boost::system::error_code& error, tcp::resolver::results_type found) {
                                  state->error = error ? error.message() : "";
                                  for (const auto& entry : found)
                                    state->addresses.push_back(entry.endpoint().address().to_string());
                                  state->timer.cancel();
                                });
  co_await state->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return state;
}

}  // namespace

asio::awaitable<std::vector<Endpoint>> resolve(asio::any_io_executor executor, ConnectionSettings settings,
                                               Deadline deadline) {
  std::vector<Endpoint> resolved;
  std::string failure;
  for (auto endpoint : settings.endpoints()) {
    if (!needs_look_up(endpoint)) {
      resolved.push_back(endpoint);
      continue;
    }
    const auto found = co_await look_up(executor, endpoint.host, deadline);
    if (found->addresses.empty()) failure = "host \"" + endpoint.host + "\": " + found->error;
    for (const auto& address : found->addresses) {
      endpoint.address = address;
      resolved.push_back(endpoint);
    }
  }
  if (resolved.empty()) throw ServerError("connecting to " + settings.printable(), failure, "", settings.variable());
  co_return resolved;
}

}  // namespace eventbus::postgres
