#pragma once

#include <expected>
#include <string_view>

#include "eventbus/core/error.hpp"

namespace eventbus::delivery {

/// The answer to whoever names a queue that there is not.
std::unexpected<Error> unknown_queue(std::string_view queue);

}  // namespace eventbus::delivery
