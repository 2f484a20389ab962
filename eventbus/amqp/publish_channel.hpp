#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "eventbus/amqp/channel.hpp"
#include "eventbus/amqp/confirm_window.hpp"
#include "eventbus/amqp/connection_settings.hpp"
#include "eventbus/amqp/incoming_content.hpp"
#include "eventbus/runtime/suspend.hpp"

namespace eventbus::amqp {

/// Messages to send in order, and what became of them so far.
struct PublishRequest {
  PublishRequest(std::vector<Message> to_send, Deadline until, std::uint64_t of_stream, std::uint64_t of_login)
      : messages(std::move(to_send)),
        deadline(until),
        stream(of_stream),
        login(of_login),
        fates(messages.size(), Fate::unsent) {}

  std::vector<Message> messages;  ///< Empty once all are sent.
  Deadline deadline;
  std::uint64_t stream;  ///< 0: none.
  std::uint64_t login;   ///< 0: any.
  std::vector<Fate> fates;
  std::uint64_t first = 0;  ///< The first message's number among all of the channel.
  std::size_t sent = 0;
  std::size_t settled = 0;
  Completion<std::vector<Fate>> done;
};

/// The confirming channel. A server that confirms nothing for long has stalled like one that owes an answer. What was
/// sent when it is lost is unknown, and a request that was sent in part ends there; a request of which nothing was sent
/// waits for the channel to come back, until its deadline, unless it would overtake others of its stream.
class PublishChannel final : public Channel {
 public:
  PublishChannel(std::uint16_t number, const ConnectionSettings& settings, LinkStatus& status)
      : Channel(number, settings, status), window_(settings.confirm_window), content_(settings.max_body_bytes) {}

  void submit(std::shared_ptr<PublishRequest> request);
  /// The server takes messages again.
  void unblock() { last_progress_ = std::chrono::steady_clock::now(); }
  void tick(Time now) override;
  Time due() const override;
  void pump() override;
  bool waits_for_socket() const override { return waits_for_socket_; }
  void end(const std::string& reason) override;

 private:
  using Requests = std::deque<std::shared_ptr<PublishRequest>>;

  void on_open() override;
  void on_method(const amqp_method_t& method) override;
  void on_content(const amqp_frame_t& frame) override;
  void on_closed(const ServerRefusal& refusal) override;
  void on_lost(const std::string& reason) override;

  bool may_send() const;
  bool awaits_confirms() const;
  void send_some();
  std::size_t send_next();
  void lose_in_flight();
  void settle();
  void settle(const ConfirmWindow::Settled& settled);
  void settle_in(Requests& requests, const ConfirmWindow::Settled& settled);
  void expire(Requests& requests, Time now);
  void finish(PublishRequest& request, const std::string& reason);
  void drop_broken_streams();

  ConfirmWindow window_;
  IncomingContent content_;
  bool confirming_ = false;
  bool waits_for_socket_ = false;
  Requests waiting_;  ///< Not sent wholly; only the front is sent in part.
  Requests sent_;     ///< Sent wholly, ascending.
  std::uint64_t next_number_ = 0;
  std::uint64_t broken_stream_ = 0;  ///< The newest of them.
  Time next_expiry_ = Time::max();   ///< No deadline is before it.
  Time last_progress_{};             ///< When confirms began to be awaited, or the last one came.
  std::vector<ConfirmWindow::Settled> settled_;
};

}  // namespace eventbus::amqp
