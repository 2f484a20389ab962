#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace eventbus::amqp {

namespace asio = boost::asio;

enum class LinkState : std::uint8_t {
  disconnected,
  connected,
  blocked,  ///< Connected, but the server takes no messages now: its memory or disk is low (`connection.blocked`).
};

/// A connection that was lost, or could not be made.
struct LinkFailure {
  std::string reason;  ///< In one line, without secrets.
  bool lasting;        ///< The server refuses us until somebody changes something.
};

/// How a connection is doing. Thread-safe.
class LinkStatus {
 public:
  explicit LinkStatus(asio::any_io_executor loop) : loop_(std::move(loop)) {}

  LinkState state() const;
  /// How often a login has succeeded: names the connection to the server that is there now, or was last.
  std::uint64_t logins() const { return logins_; }
  /// Why it was lost, blocked or refused last, in one line without secrets; empty when it never was.
  std::string trouble() const;
  /// Why something is not done in time.
  std::string why_late() const;
  /// Called on the loop after each change.
  void on_change(std::function<void(LinkState)> listener);
  /// Called on the loop whenever the connection is lost or an attempt to connect fails.
  void on_failure(std::function<void(LinkFailure)> listener);

  void logged_in();  ///< Connected, anew.
  void set(LinkState state);
  void set(LinkState state, std::string trouble);
  void note(std::string trouble);
  void failed(const LinkFailure& failure);  ///< Disconnected, or still so.

 private:
  void notify(LinkState state);

  asio::any_io_executor loop_;
  std::atomic<std::uint64_t> logins_ = 0;
  mutable std::mutex mutex_;
  LinkState state_ = LinkState::disconnected;
  std::string trouble_;
  std::vector<std::function<void(LinkState)>> listeners_;
  std::vector<std::function<void(LinkFailure)>> failure_listeners_;
};

}  // namespace eventbus::amqp
