#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <memory>
#include <string>
#include <string_view>

#include "eventbus/amqp/amqp_url.hpp"
#include "eventbus/amqp/message.hpp"
#include "eventbus/amqp/server_refusal.hpp"
#include "eventbus/amqp/wakeup.hpp"

namespace eventbus::amqp {

/// One login at one host, from the socket to its end. Everything is on one thread, that of the waiter; every operation
/// may throw `Unavailable`, after which the session is good for nothing.
///
/// Writes block while the socket's send buffer is full, two heartbeats long at most when the server is silent; ask
/// `writable` before writing much.
class Session {
 public:
  struct Login {
    const AmqpUrl& url;
    const Endpoint& endpoint;
    std::string_view connection_name;  ///< Shown by the server's management.
    Deadline deadline;
  };

  /// Connects and logs in; throws `Unavailable` with reason and remedy, or `Stopped`.
  Session(const Login& login, Waiter& waiter, SocketInterrupt& interrupt);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  int socket() const { return socket_; }
  /// `read` must be called at least this often, for heartbeats.
  std::chrono::milliseconds pulse() const { return pulse_; }
  bool writable() const;

  template <class Method>
  void send(std::uint16_t channel, amqp_method_number_t id, Method method) {
    send_method(channel, id, &method);
  }
  void publish(std::uint16_t channel, const Message& message);
  /// Gathers what is written into full packets until it is set to false. Nothing over TLS.
  void gather(bool on);

  /// The next frame that is there already; false: none. It is valid until `release`. Sends heartbeats, and throws when
  /// the server's stay out or it closes the connection.
  bool read(amqp_frame_t& frame);
  void release(const amqp_frame_t& frame);
  /// Tells the server that this connection ends here, without waiting for its answer.
  void say_goodbye();

 private:
  struct Destroy {
    void operator()(amqp_connection_state_t state) const;
  };

  void open_plain(const Login& login, Waiter& waiter);
  void open_secure(const Login& login);
  void log_in(const Login& login, Waiter& waiter);
  void start(const Login& login, const amqp_connection_start_t& start);
  void tune(const AmqpUrl& url, const amqp_connection_tune_t& tune);
  template <class Method>
  Method await(amqp_method_number_t id, const Login& login, Waiter& waiter);
  void send_method(std::uint16_t channel, amqp_method_number_t id, void* method);
  void check(int status) const;
  std::string hint() const;
  [[noreturn]] void closed_by_server(const ServerRefusal& refusal);

  std::string activity_;     ///< What is being done, and with which server.
  const AmqpUrl* entering_;  ///< Null once logged in.
  SocketInterrupt& interrupt_;
  std::unique_ptr<amqp_connection_state_t_, Destroy> state_;
  int socket_ = -1;
  std::chrono::milliseconds pulse_{};
};

/// What the server says when it closes a channel or the connection.
ServerRefusal refusal_of(const amqp_channel_close_t& close);
ServerRefusal refusal_of(const amqp_connection_close_t& close);

}  // namespace eventbus::amqp
