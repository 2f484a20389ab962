#pragma once

#include <string>
#include <string_view>

#include "eventbus/bus/publisher.hpp"
#include "eventbus/core/error.hpp"

namespace eventbus {

/// "stored", "published" or "duplicate"; empty for an outcome that stored nothing.
std::string_view publish_status(const PublishOutcome& outcome);

/// Why an outcome stored nothing. Precondition: `publish_status` is empty.
Error refusal_of(const PublishOutcome& outcome);

}  // namespace eventbus
