#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eventbus/library/event_bus_client.hpp"
#include "eventbus/library/http_api.hpp"

/// The operations of EventBusClient as requests and answers.
namespace eventbus::calls {

ApiCall<bool> publish(Event event);
/// `events` are checked.
ApiCall<std::vector<Result<bool>>> publish_batch(const std::vector<EventPtr>& events, bool atomic);
ApiCall<std::optional<StoredEvent>> get_event(const std::string& event_id);
/// At most `limit` events after `cursor`.
ApiCall<EventReplay::Page> replay(const ReplayFilter& filter, const std::string& cursor, std::size_t limit);

ApiCall<bool> declare_queue(const QueueDefinition& queue);
ApiCall<std::vector<QueueState>> list_queues();
ApiCall<QueueState> get_queue(const std::string& queue);
ApiCall<void> delete_queue(const std::string& queue);
ApiCall<std::uint64_t> purge(const std::string& queue);
ApiCall<void> pause(const std::string& queue);
ApiCall<void> resume(const std::string& queue);

ApiCall<std::vector<ClientDelivery>> receive(const std::string& queue, std::size_t max, std::chrono::milliseconds wait);
ApiCall<Settled> ack(const std::string& queue, const std::vector<std::string>& delivery_ids);
ApiCall<Settled> nack(const std::string& queue, const std::vector<std::string>& delivery_ids, bool requeue,
                      const std::string& reason, std::optional<std::chrono::milliseconds> delay);
ApiCall<Settled> extend(const std::string& queue, const std::vector<std::string>& delivery_ids,
                        std::chrono::milliseconds lease);

ApiCall<DeadLetterPage> list_dead_letters(const std::string& queue, std::size_t limit, const std::string& cursor);
ApiCall<Redriven> redrive_dead_letters(const std::string& queue, const DeadLetterChoice& choice);
ApiCall<std::uint64_t> delete_dead_letters(const std::string& queue, const DeadLetterChoice& choice);

ApiCall<bool> check_health();
ApiCall<bool> ready();

}  // namespace eventbus::calls
