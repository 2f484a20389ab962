#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "eventbus/amqp/command_queue.hpp"
#include "eventbus/amqp/connection_settings.hpp"
#include "eventbus/amqp/consumer_channel.hpp"
#include "eventbus/amqp/publish_channel.hpp"
#include "eventbus/amqp/reconnect_schedule.hpp"
#include "eventbus/amqp/topology_channel.hpp"

namespace eventbus::amqp {

/// The thread of a connection: logs in, for ever and host by host, reads frames, and hands them to the channels. Only
/// `status` and `commands` are for other threads; the rest is for commands.
class Link {
 public:
  struct ConnectWaiter {
    Deadline deadline;
    Completion<bool> done;
  };

  Link(asio::any_io_executor loop, ConnectionSettings settings);
  ~Link();  ///< Ends the connection; blocks until the thread is over. What waits fails with `Unavailable`.
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  LinkStatus& status() { return status_; }
  const std::shared_ptr<CommandQueue>& commands() { return commands_; }

  void wait_connected(std::shared_ptr<ConnectWaiter> waiter);
  PublishChannel& publisher() { return publisher_; }
  TopologyChannel& topology() { return topology_; }
  /// A consumer's key until `remove_consumer`.
  void add_consumer(std::uint64_t key, ConsumerChannel::Settings settings, std::shared_ptr<ConsumerCalls> calls);
  /// Null when it was removed.
  ConsumerChannel* consumer(std::uint64_t key);
  void remove_consumer(std::uint64_t key);
  Suspects& suspects() { return suspects_; }

 private:
  void run();
  void connect();
  void serve();
  /// Whether there may be more.
  bool read_frames();
  void take(const amqp_frame_t& frame);
  void take_on_connection(const amqp_method_t& method);
  void connected();
  void lost(const LinkFailure& failure);
  void finish();
  Deadline keep_house();
  void tick(Deadline now);
  Deadline due() const;
  std::uint16_t free_number() const;
  template <class Visit>
  void each_channel(Visit visit);

  ConnectionSettings settings_;
  LinkStatus status_;
  std::shared_ptr<CommandQueue> commands_;
  Wakeup stop_;
  SocketInterrupt interrupt_;
  ReconnectSchedule schedule_;
  Waiter waiter_;
  std::unique_ptr<Session> session_;
  PublishChannel publisher_;
  TopologyChannel topology_;
  std::uint64_t generations_ = 0;
  Suspects suspects_;
  std::map<std::uint16_t, std::unique_ptr<ConsumerChannel>> consumers_;
  std::map<std::uint64_t, std::uint16_t> consumer_numbers_;  ///< By key.
  std::vector<std::shared_ptr<ConnectWaiter>> connect_waiters_;
  std::thread thread_;
};

}  // namespace eventbus::amqp
