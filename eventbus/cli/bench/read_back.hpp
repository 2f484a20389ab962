#pragma once

#include "eventbus/cli/bench/run.hpp"

namespace eventbus::cli {

/// Looks every event of the run up in the store (by its producer's ordering key) and tells the ledger. Blocking; after
/// the run. Throws `Unreachable`, and std::runtime_error when the server refuses.
void read_back(Run& run);

}  // namespace eventbus::cli
