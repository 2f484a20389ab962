#include "eventbus/amqp/session.hpp"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <new>

#include "eventbus/amqp/tcp_connect.hpp"
#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {
namespace {

using std::chrono::milliseconds;

// A server that hears nothing for two to three of them gives the messages of the connection to others.
constexpr std::chrono::seconds default_heartbeat{3};
constexpr int most_channels = 2047;
constexpr int frame_bytes = 131072;

timeval time_until(Deadline deadline) {
  const auto left = std::max(std::chrono::ceil<std::chrono::microseconds>(deadline - std::chrono::steady_clock::now()),
                             std::chrono::microseconds{1});
  return {.tv_sec = static_cast<time_t>(left.count() / 1000000),
          .tv_usec = static_cast<suseconds_t>(left.count() % 1000000)};
}

amqp_table_entry_t able(std::string_view capability) {
  return {.key = bytes_of(capability), .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value = {.boolean = 1}}};
}

/// What we can do; the server sends `connection.blocked` and the like to nobody else.
amqp_table_t capabilities() {
  static std::array<amqp_table_entry_t, 5> entries{able("authentication_failure_close"), able("connection.blocked"),
                                                   able("consumer_cancel_notify"), able("basic.nack"),
                                                   able("publisher_confirms")};
  return {.num_entries = static_cast<int>(entries.size()), .entries = entries.data()};
}

amqp_table_entry_t text_field(std::string_view name, std::string_view text) {
  return {.key = bytes_of(name), .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = bytes_of(text)}}};
}

std::string_view version_of(const amqp_table_t& server_properties) {
  for (int at = 0; at < server_properties.num_entries; ++at) {
    const auto& entry = server_properties.entries[at];
    if (view_of(entry.key) == "version" && entry.value.kind == AMQP_FIELD_KIND_UTF8)
      return view_of(entry.value.value.bytes);
  }
  return "";
}

}  // namespace

void Session::Destroy::operator()(amqp_connection_state_t state) const {
  // Its only failure is that of closing a socket that is good for nothing any more.
  [[maybe_unused]] const auto status = amqp_destroy_connection(state);
}

Session::Session(const Login& login, Waiter& waiter, SocketInterrupt& interrupt)
    : activity_(fmt::format("connecting to RabbitMQ at {}:{}", login.endpoint.host, login.endpoint.port)),
      entering_(&login.url),
      interrupt_(interrupt),
      state_(amqp_new_connection()) {
  if (!state_) throw std::bad_alloc();
  try {
    if (login.url.secure) {
      open_secure(login);
    } else {
      open_plain(login, waiter);
    }
    interrupt_.watch(socket_);
    log_in(login, waiter);
  } catch (...) {
    interrupt_.watch(-1);
    throw;
  }
}

Session::~Session() {
  interrupt_.watch(-1);
}

void Session::open_plain(const Login& login, Waiter& waiter) {
  socket_ = connect_tcp(login.endpoint, waiter, login.deadline);
  auto* tcp = amqp_tcp_socket_new(state_.get());
  if (tcp == nullptr) {
    close(socket_);
    throw std::bad_alloc();
  }
  amqp_tcp_socket_set_sockfd(tcp, socket_);
}

void Session::open_secure(const Login& login) {
  auto* tls = amqp_ssl_socket_new(state_.get());
  if (tls == nullptr) throw std::bad_alloc();
  const auto& options = login.url.tls;
  amqp_ssl_socket_set_verify_peer(tls, options.verify ? 1 : 0);
  amqp_ssl_socket_set_verify_hostname(tls, options.verify ? 1 : 0);
  auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(tls));
  const bool trusts = options.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context) == 1
                          : amqp_ssl_socket_set_cacert(tls, options.ca_file.c_str()) == AMQP_STATUS_OK;
  if (!trusts)
    throw Unavailable(activity_, fmt::format("can't read the certificates \"{}\". Check ?cacertfile= of RABBITMQ_URL",
                                             options.ca_file));
  if (!options.certificate.empty() &&
      amqp_ssl_socket_set_key(tls, options.certificate.c_str(), options.key.c_str()) != AMQP_STATUS_OK)
    throw Unavailable(activity_, "can't read our certificate or key. Check ?certfile= and ?keyfile= of RABBITMQ_URL");
  const auto timeout = time_until(login.deadline);
  const auto status = amqp_socket_open_noblock(tls, login.endpoint.host.c_str(), login.endpoint.port, &timeout);
  if (status != AMQP_STATUS_OK)
    throw Unavailable(activity_, explain_status(status) + ". Check host and port of RABBITMQ_URL");
  socket_ = amqp_socket_get_sockfd(tls);
}

template <class Method>
Method Session::await(amqp_method_number_t id, const Login& login, Waiter& waiter) {
  amqp_frame_t frame;
  while (!read(frame)) {
    const auto outcome = waiter.wait(socket_, POLLIN, login.deadline);
    if (outcome == Waiter::Outcome::stopped) throw Stopped{};
    if (outcome == Waiter::Outcome::timed_out) throw Unavailable(activity_, "no answer in time" + hint());
  }
  if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != id)
    throw Unavailable(activity_, explain_status(AMQP_STATUS_BAD_AMQP_DATA));
  return *static_cast<const Method*>(frame.payload.method.decoded);
}

/// The steps of AMQP 0-9-1, section 2.2.4: the library's own login can't be interrupted.
void Session::log_in(const Login& login, Waiter& waiter) {
  check(amqp_send_header(state_.get()));
  start(login, await<amqp_connection_start_t>(AMQP_CONNECTION_START_METHOD, login, waiter));
  tune(login.url, await<amqp_connection_tune_t>(AMQP_CONNECTION_TUNE_METHOD, login, waiter));
  send(0, AMQP_CONNECTION_OPEN_METHOD,
       amqp_connection_open_t{
           .virtual_host = bytes_of(login.url.virtual_host), .capabilities = amqp_empty_bytes, .insist = 0});
  await<amqp_connection_open_ok_t>(AMQP_CONNECTION_OPEN_OK_METHOD, login, waiter);
  activity_ = fmt::format("connected to RabbitMQ at {}:{}", login.endpoint.host, login.endpoint.port);
  entering_ = nullptr;
}

void Session::start(const Login& login, const amqp_connection_start_t& start) {
  const auto problem = explain_version(version_of(start.server_properties));
  if (!problem.empty()) throw NotAllowed(activity_, problem);
  if (view_of(start.mechanisms).find("PLAIN") == std::string_view::npos)
    throw NotAllowed(activity_, explain_status(AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD));
  std::array<amqp_table_entry_t, 3> about{
      text_field("product", "Event Bus"), text_field("connection_name", login.connection_name),
      amqp_table_entry_t{.key = bytes_of("capabilities"),
                         .value = {.kind = AMQP_FIELD_KIND_TABLE, .value = {.table = capabilities()}}}};
  const auto credentials = std::string(1, '\0') + login.url.user + std::string(1, '\0') + login.url.password;
  send(0, AMQP_CONNECTION_START_OK_METHOD,
       amqp_connection_start_ok_t{
           .client_properties = {.num_entries = static_cast<int>(about.size()), .entries = about.data()},
           .mechanism = bytes_of("PLAIN"),
           .response = bytes_of(credentials),
           .locale = bytes_of("en_US")});
}

void Session::tune(const AmqpUrl& url, const amqp_connection_tune_t& tune) {
  // Zero is "no limit".
  const auto least = [](int ours, int theirs) { return theirs == 0 ? ours : std::min(ours, theirs); };
  const auto heartbeat = url.heartbeat.value_or(default_heartbeat);
  const amqp_connection_tune_ok_t agreed{
      .channel_max = static_cast<std::uint16_t>(least(most_channels, tune.channel_max)),
      .frame_max = static_cast<std::uint32_t>(least(frame_bytes, static_cast<int>(tune.frame_max))),
      .heartbeat = static_cast<std::uint16_t>(heartbeat.count())};
  check(amqp_tune_connection(state_.get(), agreed.channel_max, static_cast<int>(agreed.frame_max), agreed.heartbeat));
  send(0, AMQP_CONNECTION_TUNE_OK_METHOD, agreed);
  pulse_ = std::chrono::duration_cast<milliseconds>(heartbeat) / 4;
}

bool Session::writable() const {
  pollfd polled{.fd = socket_, .events = POLLOUT, .revents = 0};
  return poll(&polled, 1, 0) == 1;
}

/// Whoever answered may be something else.
std::string Session::hint() const {
  return entering_ == nullptr ? "" : ". Check host and port of RABBITMQ_URL, and that RabbitMQ answers there";
}

void Session::check(int status) const {
  if (status != AMQP_STATUS_OK) throw Unavailable(activity_, explain_status(status) + hint());
}

void Session::send_method(std::uint16_t channel, amqp_method_number_t id, void* method) {
  check(amqp_send_method(state_.get(), channel, id, method));
}

void Session::publish(std::uint16_t channel, const Message& message) {
  const auto send = [&](const amqp_basic_properties_t& properties) {
    check(amqp_basic_publish(state_.get(), channel, bytes_of(message.exchange), bytes_of(message.routing_key),
                             message.mandatory ? 1 : 0, 0, &properties, bytes_of(message.body)));
  };
  if (message.raw_properties.empty()) return send(WireProperties(message.properties).get());
  const DecodedProperties raw(message.raw_properties);
  send(raw.get() != nullptr ? *raw.get() : WireProperties(message.properties).get());
}

void Session::gather(bool on) {
  const int value = on ? 1 : 0;
  // Only about speed: where it fails, packets are smaller.
  [[maybe_unused]] const auto result = setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &value, sizeof value);
}

bool Session::read(amqp_frame_t& frame) {
  const timeval now{};
  const auto status = amqp_simple_wait_frame_noblock(state_.get(), &frame, &now);
  if (status == AMQP_STATUS_TIMEOUT) return false;
  check(status);
  if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_CONNECTION_CLOSE_METHOD)
    closed_by_server(refusal_of(*static_cast<const amqp_connection_close_t*>(frame.payload.method.decoded)));
  return true;
}

void Session::closed_by_server(const ServerRefusal& refusal) {
  send(0, AMQP_CONNECTION_CLOSE_OK_METHOD, amqp_connection_close_ok_t{});
  if (entering_ == nullptr)
    throw Unavailable(activity_, fmt::format("the server closed the connection: {} {}", refusal.code, refusal.text));
  const auto reason = explain_login_refusal(refusal, *entering_);
  if (is_lasting(refusal)) throw NotAllowed(activity_, reason);
  throw Unavailable(activity_, reason);
}

void Session::release(const amqp_frame_t& frame) {
  amqp_maybe_release_buffers_on_channel(state_.get(), frame.channel);
}

void Session::say_goodbye() {
  send(0, AMQP_CONNECTION_CLOSE_METHOD,
       amqp_connection_close_t{
           .reply_code = AMQP_REPLY_SUCCESS, .reply_text = bytes_of("goodbye"), .class_id = 0, .method_id = 0});
}

ServerRefusal refusal_of(const amqp_channel_close_t& close) {
  return {.code = close.reply_code, .text = std::string(view_of(close.reply_text))};
}

ServerRefusal refusal_of(const amqp_connection_close_t& close) {
  return {.code = close.reply_code, .text = std::string(view_of(close.reply_text))};
}

}  // namespace eventbus::amqp
