#pragma once

#include <vector>

#include "eventbus/broker/broker.hpp"
#include "eventbus/bus/event_feed.hpp"
#include "eventbus/bus/mode_keeper.hpp"
#include "eventbus/bus/publisher.hpp"
#include "eventbus/bus/relay.hpp"
#include "eventbus/runtime/dependency_guard.hpp"
#include "eventbus/store/event_store.hpp"

namespace eventbus {

/// The use-cases and ports that a transport serves. References only: the composition root owns the parts.
struct Bus {
  Publisher& publisher;
  ModeKeeper& modes;
  EventFeed& feed;
  EventStore& store;
  Broker& broker;
  Relay* relay = nullptr;                     ///< Where events reach the broker later than the store.
  std::vector<DependencyGuard*> guards = {};  ///< Circuit breakers, one for each dependency.
};

}  // namespace eventbus
