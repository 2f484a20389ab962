#include "eventbus/library/event_bus_client.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

#include "eventbus/client/http_client.hpp"
#include "eventbus/client/json_object.hpp"
#include "eventbus/client/targets.hpp"
#include "eventbus/core/event_json.hpp"
#include "eventbus/library/event_check.hpp"
#include "eventbus/library/http_answers.hpp"

namespace eventbus {
namespace {

constexpr std::size_t events_a_page = 500;

std::string query_of(const ReplayFilter& filter, const std::string& cursor) {
  std::string query = "/events?limit=" + std::to_string(events_a_page);
  if (filter.start_time) query += "&start_time=" + percent_encode(format_timestamp(*filter.start_time));
  if (filter.end_time) query += "&end_time=" + percent_encode(format_timestamp(*filter.end_time));
  if (!filter.event_type.empty()) query += "&event_type=" + percent_encode(filter.event_type);
  if (!cursor.empty()) query += "&cursor=" + percent_encode(cursor);
  return query;
}

std::string queue_path(const std::string& queue, std::string_view action = {}) {
  return ("/queues/" + percent_encode(queue)).append(action);
}

/// As a publish request knows it; `traceparent` is a header there.
void append_request(std::string& out, Event event) {
  event.traceparent.clear();
  append_event(out, event);
}

HttpRequest publish_request(const Event& event) {
  HttpRequest request{.method = "POST", .target = "/events"};
  append_request(request.body, event);
  if (!event.traceparent.empty()) request.headers.emplace_back("traceparent", event.traceparent);
  return request;
}

using Results = std::vector<Result<bool>>;

Error not_alone() {
  return {ErrorCode::invalid, "nothing was sent: another event of this atomic batch is invalid", {}};
}

Error cloudevents_not_sent() {
  return {ErrorCode::invalid,
          "cloudevent: this client sends plain events; post CloudEvents to the HTTP API as such",
          {{"cloudevent", "must be empty"}}};
}

}  // namespace

/// Connections that are lent to one request each, and threads for those that are awaited.
struct EventBusClient::Impl {
  Impl(std::string url, std::size_t connections, std::chrono::milliseconds wanted_timeout)
      : server(parse_server_url(url)),
        timeout(wanted_timeout),
        free(std::max<std::size_t>(connections, 1)),
        threads(free) {}

  class Turn {
   public:
    explicit Turn(Impl& impl) : impl_(impl) {
      std::unique_lock lock(impl_.mutex);
      impl_.freed.wait(lock, [this] { return impl_.free > 0; });
      --impl_.free;
      if (impl_.idle.empty()) return;
      client_ = std::move(impl_.idle.back());
      impl_.idle.pop_back();
    }
    ~Turn() {
      const std::lock_guard lock(impl_.mutex);
      ++impl_.free;
      impl_.idle.push_back(std::move(client_));
      impl_.freed.notify_one();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    HttpClient& client() {
      if (!client_) client_ = std::make_unique<HttpClient>(*impl_.server, impl_.timeout);
      return *client_;
    }

   private:
    Impl& impl_;
    std::unique_ptr<HttpClient> client_;
  };

  /// The answer as `read` understands it, if it is one of the kind that is expected.
  template <class T>
  Result<T> ask(const HttpRequest& request, const std::function<Result<T>(const HttpAnswer&)>& read,
                std::chrono::milliseconds patience = {}) {
    if (!server) return std::unexpected(server.error());
    try {
      Turn turn(*this);
      turn.client().set_timeout(timeout + patience);
      return read(turn.client().send(request));
    } catch (const Unreachable& error) {
      return fail(ErrorCode::unavailable, error.what());
    } catch (const ForeignAnswer& error) {
      return fail(ErrorCode::unavailable, error.what());
    }
  }

  Result<EventReplay::Page> page(const ReplayFilter& filter, const std::string& cursor) {
    return ask<EventReplay::Page>({.target = query_of(filter, cursor)},
                                  [](const HttpAnswer& answer) -> Result<EventReplay::Page> {
                                    if (!answer.ok()) return std::unexpected(error_of(answer));
                                    const JsonObject listing(answer.body);
                                    EventReplay::Page page;
                                    for (const auto& event : listing.objects("events"))
                                      page.events.push_back(stored_event_of(event));
                                    page.next = listing.text("next_cursor");
                                    return page;
                                  });
  }

  Result<Settled> settle(const std::string& queue, std::string_view action, std::string_view count, std::string body) {
    return ask<Settled>({.method = "POST", .target = queue_path(queue, action), .body = std::move(body)},
                        [count](const HttpAnswer& answer) -> Result<Settled> {
                          if (!answer.ok()) return std::unexpected(error_of(answer));
                          return settled_of(answer.body, count);
                        });
  }

  Results send_batch(const std::vector<EventPtr>& events, bool atomic) {
    HttpRequest request{.method = "POST", .target = atomic ? "/events/batch?atomic=true" : "/events/batch"};
    request.body = R"({"events":[)";
    for (const auto& event : events) {
      if (request.body.back() != '[') request.body += ',';
      append_request(request.body, *event);
    }
    request.body += "]}";
    const auto results = ask<Results>(request, [&events](const HttpAnswer& answer) -> Result<Results> {
      const bool listed = answer.ok() || (parse_json_object(answer.body) && JsonObject(answer.body).has("results"));
      if (!listed) return std::unexpected(error_of(answer));
      return batch_results_of(answer.body, events.size());
    });
    return results ? *results : Results(events.size(), std::unexpected(results.error()));
  }

  /// Awaits `call` on one of the threads.
  template <class Call>
  asio::awaitable<std::invoke_result_t<Call&>> awaited(Call call) {
    auto work = [](Call run) -> asio::awaitable<std::invoke_result_t<Call&>> { co_return run(); };
    co_return co_await asio::co_spawn(threads, work(std::move(call)), asio::use_awaitable);
  }

  Result<ServerUrl> server;
  std::chrono::milliseconds timeout;
  std::mutex mutex;
  std::condition_variable freed;
  std::size_t free;
  std::vector<std::unique_ptr<HttpClient>> idle;
  asio::thread_pool threads;
};

EventBusClient::EventBusClient(std::string base_url, std::size_t connections, std::chrono::milliseconds timeout)
    : impl_(std::make_unique<Impl>(std::move(base_url), connections, timeout)) {}
EventBusClient::~EventBusClient() = default;

Result<bool> EventBusClient::publish(Event event) {
  auto made = draft_of(std::move(event));
  if (!made) return std::unexpected(std::move(made.error()));
  if (!made->event->cloudevent.empty()) return std::unexpected(cloudevents_not_sent());
  return impl_->ask<bool>(publish_request(*made->event), [](const HttpAnswer& answer) -> Result<bool> {
    if (!answer.ok()) return std::unexpected(error_of(answer));
    return JsonObject(answer.body).text("status") != "duplicate";
  });
}

std::vector<Result<bool>> EventBusClient::publish_batch(std::vector<Event> events, bool atomic) {
  auto batch = check_batch(std::move(events));
  const bool broken = atomic && batch.events.size() < batch.results.size();
  if (broken) {
    const Results none(batch.events.size(), std::unexpected(not_alone()));
    return std::move(batch).with(none);
  }
  if (batch.events.empty()) return std::move(batch.results);
  const auto fates = impl_->send_batch(batch.events, atomic);
  return std::move(batch).with(fates);
}

Result<std::optional<StoredEvent>> EventBusClient::get_event(std::string event_id) {
  return impl_->ask<std::optional<StoredEvent>>(
      {.target = event_target(event_id)}, [](const HttpAnswer& answer) -> Result<std::optional<StoredEvent>> {
        if (answer.status == 404 && error_of(answer).code == ErrorCode::unknown_event) return std::nullopt;
        if (!answer.ok()) return std::unexpected(error_of(answer));
        return stored_event_of(JsonObject(answer.body));
      });
}

EventReplay EventBusClient::replay(ReplayFilter filter) {
  auto* impl = impl_.get();
  return {[impl, filter](std::string cursor) {
            return impl->awaited([impl, filter, cursor = std::move(cursor)] { return impl->page(filter, cursor); });
          },
          [impl](asio::awaitable<Result<EventReplay::Page>> page) {
            return asio::co_spawn(impl->threads, std::move(page), asio::use_future).get();
          }};
}

Result<bool> EventBusClient::declare_queue(QueueDefinition queue) {
  std::string body = "{";
  append_queue_settings(body, queue);
  body += '}';
  return impl_->ask<bool>({.method = "PUT", .target = queue_path(queue.name), .body = std::move(body)},
                          [](const HttpAnswer& answer) -> Result<bool> {
                            if (!answer.ok()) return std::unexpected(error_of(answer));
                            return answer.status == 201;
                          });
}

Result<std::vector<ClientDelivery>> EventBusClient::receive(std::string queue, std::size_t max,
                                                            std::chrono::milliseconds wait) {
  const auto body = JsonWriter().number("max", static_cast<std::int64_t>(max)).number("wait_ms", wait.count()).done();
  return impl_->ask<std::vector<ClientDelivery>>(
      {.method = "POST", .target = queue_path(queue, "/receive"), .body = body},
      [](const HttpAnswer& answer) -> Result<std::vector<ClientDelivery>> {
        if (!answer.ok()) return std::unexpected(error_of(answer));
        return deliveries_of(answer.body);
      },
      wait);
}

Result<Settled> EventBusClient::ack(std::string queue, std::vector<std::string> delivery_ids) {
  return impl_->settle(queue, "/ack", "acked", JsonWriter().texts("delivery_ids", delivery_ids).done());
}

Result<Settled> EventBusClient::nack(std::string queue, std::vector<std::string> delivery_ids, bool requeue,
                                     std::string reason) {
  auto body = JsonWriter()
                  .texts("delivery_ids", delivery_ids)
                  .raw("requeue", requeue ? "true" : "false")
                  .text_if("reason", reason)
                  .done();
  return impl_->settle(queue, "/nack", "nacked", std::move(body));
}

Result<bool> EventBusClient::ready() {
  return impl_->ask<bool>({.target = "/ready"}, [](const HttpAnswer& answer) -> Result<bool> {
    if (answer.status != 200 && answer.status != 503) return std::unexpected(error_of(answer));
    return JsonObject(answer.body).text("status") == "ready";
  });
}

asio::awaitable<Result<bool>> EventBusClient::async_publish(Event event) {
  return impl_->awaited([this, event = std::move(event)]() mutable { return publish(std::move(event)); });
}

asio::awaitable<std::vector<Result<bool>>> EventBusClient::async_publish_batch(std::vector<Event> events, bool atomic) {
  return impl_->awaited(
      [this, events = std::move(events), atomic]() mutable { return publish_batch(std::move(events), atomic); });
}

asio::awaitable<Result<std::optional<StoredEvent>>> EventBusClient::async_get_event(std::string event_id) {
  return impl_->awaited([this, event_id = std::move(event_id)] { return get_event(event_id); });
}

asio::awaitable<Result<bool>> EventBusClient::async_declare_queue(QueueDefinition queue) {
  return impl_->awaited([this, queue = std::move(queue)] { return declare_queue(queue); });
}

asio::awaitable<Result<std::vector<ClientDelivery>>> EventBusClient::async_receive(std::string queue, std::size_t max,
                                                                                   std::chrono::milliseconds wait) {
  return impl_->awaited([this, queue = std::move(queue), max, wait] { return receive(queue, max, wait); });
}

asio::awaitable<Result<Settled>> EventBusClient::async_ack(std::string queue, std::vector<std::string> delivery_ids) {
  return impl_->awaited(
      [this, queue = std::move(queue), delivery_ids = std::move(delivery_ids)] { return ack(queue, delivery_ids); });
}

asio::awaitable<Result<Settled>> EventBusClient::async_nack(std::string queue, std::vector<std::string> delivery_ids,
                                                            bool requeue, std::string reason) {
  return impl_->awaited([this, queue = std::move(queue), delivery_ids = std::move(delivery_ids), requeue,
                         reason = std::move(reason)] { return nack(queue, delivery_ids, requeue, reason); });
}

asio::awaitable<Result<bool>> EventBusClient::async_ready() {
  return impl_->awaited([this] { return ready(); });
}

}  // namespace eventbus
