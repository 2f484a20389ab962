#pragma once

#include <functional>

#include "eventbus/cli/bench/run.hpp"

namespace eventbus::cli {

/// Looks every event of the run up in the store (by its producer's ordering key) and tells the ledger. Blocking; after
/// the run. Calls `progress` now and then. Throws `Unreachable`, and std::runtime_error when the server refuses.
void read_back(Run& run, const std::function<void()>& progress);

}  // namespace eventbus::cli
