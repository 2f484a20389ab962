#pragma once

#include <cstdint>
#include <string>

#include "eventbus/amqp/connection_settings.hpp"
#include "eventbus/amqp/link_status.hpp"
#include "eventbus/amqp/session.hpp"
#include "eventbus/core/retry_policy.hpp"

namespace eventbus::amqp {

/// Operations that may wait in one place of a connection; one more is refused with `Unavailable`.
inline constexpr std::size_t most_waiting = 4096;

/// One channel that heals: opened with every session, and again after the server closed it, at once the first time and
/// with backoff while it goes on, but at least every five seconds: the connection is good, and what was missing may be
/// made again at any time. Breaks the connection when the server owes an answer for too long: a channel of
/// RabbitMQ can hang for good on a quorum queue that was just starting, and not even be closed then. Used on the
/// connection's thread only.
class Channel {
 public:
  using Time = Deadline;

  Channel(std::uint16_t number, const ConnectionSettings& settings, LinkStatus& status);
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  std::uint16_t number() const { return number_; }
  void attach(Session& session);
  void detach(const std::string& reason);
  void take(const amqp_frame_t& frame);
  /// Does what the time has come for.
  virtual void tick(Time now);
  virtual Time due() const;
  /// Writes what waits to be written. Called once after each round of reading and commands.
  virtual void pump() {}
  /// Whether `pump` should be called again as soon as the socket takes bytes.
  virtual bool waits_for_socket() const { return false; }
  /// Everything that waits fails with `reason`; nothing will follow.
  virtual void end(const std::string& reason) = 0;
  /// Closes the channel for ever; `is_retired` once its number is free again.
  void retire();
  bool is_retired() const { return retiring_ && state_ == State::waiting; }

 protected:
  virtual void on_open() = 0;
  virtual void on_method(const amqp_method_t& method) = 0;
  virtual void on_content(const amqp_frame_t& /*frame*/) {}
  /// The server closed the channel; it will be opened again.
  virtual void on_closed(const ServerRefusal& refusal) = 0;
  /// The connection is gone.
  virtual void on_lost(const std::string& reason) = 0;
  /// With a new connection the channel is not opened before.
  virtual Time rests_until() const { return {}; }

  bool is_open() const { return state_ == State::open; }
  /// The channel does its work: the next error is its first.
  void healthy() { failures_ = 0; }
  void close_and_reopen();
  /// A method was sent that the server answers.
  void expect_answer();
  void answered();
  std::chrono::milliseconds stall_limit() const { return stall_limit_; }
  Session& session() { return *session_; }
  LinkStatus& status() const { return status_; }
  template <class Method>
  void send(amqp_method_number_t id, Method method) {
    session_->send(number_, id, method);
  }

 private:
  enum class State : std::uint8_t { waiting, opening, open, closing };

  void open();
  void take_method(const amqp_method_t& method);
  void closed_by_server(const amqp_channel_close_t& close);
  void reopen_later();

  std::uint16_t number_;
  RetryPolicy policy_;
  std::chrono::milliseconds stall_limit_;
  LinkStatus& status_;
  Session* session_ = nullptr;
  State state_ = State::waiting;
  bool retiring_ = false;
  std::uint32_t failures_ = 0;
  Time reopen_at_{};
  std::size_t owed_ = 0;  ///< Answers.
  Time last_answer_{};    ///< Or when the first of them began to be owed.
};

}  // namespace eventbus::amqp
