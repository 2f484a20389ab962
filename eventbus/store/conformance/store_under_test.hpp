#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "eventbus/store/event_store.hpp"
#include "eventbus/testing/waiting.hpp"

/// What tests of event stores share.
namespace eventbus {

/// A store and the means to close and open it again on the same data.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual EventStore& store() = 0;
  virtual void reopen() = 0;
  /// Closes the store, keeps a copy of its data, and opens it again.
  virtual void keep_copy() = 0;
  /// Closes the store, puts the kept copy in the place of its data, and opens it again.
  virtual void put_copy_back() = 0;
};

struct StoreCase {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>(asio::io_context&)> make;
};

inline std::string case_name(const testing::TestParamInfo<StoreCase>& info) {
  return info.param.name;
}

inline std::vector<AppendRequest> one_request(std::vector<EventDraft> drafts, bool atomic = false) {
  std::vector<AppendRequest> requests;
  requests.push_back({std::move(drafts), atomic});
  return requests;
}

class EventStoreConformance : public testing::TestWithParam<StoreCase> {
 protected:
  template <class T>
  T run(asio::awaitable<T> work) {
    auto future = asio::co_spawn(loop, std::move(work), asio::use_future);
    run_to_end(loop, "all that goes on");
    return future.get();
  }

  EventStore& store() { return under_test->store(); }
  Appended append(EventDraft draft) { return append_all({std::move(draft)}, false).front(); }
  std::vector<Appended> append_all(std::vector<EventDraft> drafts, bool atomic) {
    return run(store().append(one_request(std::move(drafts), atomic))).front();
  }

  asio::io_context loop;
  std::unique_ptr<StoreUnderTest> under_test = GetParam().make(loop);
};

/// A draft as a client would send it: what is set here counts as given.
struct DraftBuilder {
  std::string id;
  std::string type = "user.created";
  std::string payload = "{}";
  std::string key = {};
  std::string correlation = {};
  std::int64_t micros = 1'700'000'000'000'000;

  EventDraft build() const {
    auto event = std::make_shared<Event>();
    event->event_id = id;
    event->event_type = type;
    event->routing_key = type;
    event->payload = payload;
    event->ordering_key = key;
    event->correlation_id = correlation.empty() ? id : correlation;
    event->timestamp = Timestamp(std::chrono::microseconds(micros));
    GivenFields given;
    given.event_id = given.timestamp = given.payload = true;
    given.ordering_key = !key.empty();
    given.correlation_id = !correlation.empty();
    return {std::move(event), given};
  }
};

inline std::vector<std::string> ids_of(const std::vector<StoredEvent>& events) {
  std::vector<std::string> ids;
  ids.reserve(events.size());
  for (const auto& stored : events) ids.push_back(stored.event->event_id);
  return ids;
}

}  // namespace eventbus
