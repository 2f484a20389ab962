#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventbus/client/http_client.hpp"
#include "eventbus/client/json_object.hpp"
#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/library/event_bus_client.hpp"

/// Reads what the service answers. All but `error_of` throw ForeignAnswer for what is no answer of it.
namespace eventbus {

/// What a refusal says, problem+json or not.
Error error_of(const HttpAnswer& refusal);
/// One with the members of a problem: code, detail, errors.
Error error_of(const JsonObject& problem);
StoredEvent stored_event_of(const JsonObject& event);
std::vector<ClientDelivery> deliveries_of(std::string_view body);
/// From the answer to a GET of a queue, or one of the list.
QueueState queue_state_of(const JsonObject& queue);
DeadLetterPage dead_letters_of(std::string_view body);
Redriven redriven_of(std::string_view body);
/// One for each of `count` events, from the answer to a batch.
std::vector<Result<bool>> batch_results_of(std::string_view body, std::size_t count);
/// From the answer to an ack, nack or extend; `count` is the name of the member that counts.
Settled settled_of(std::string_view body, std::string_view count);

}  // namespace eventbus
