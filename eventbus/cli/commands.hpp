#pragma once

#include "eventbus/cli/console/command.hpp"
#include "eventbus/cli/session.hpp"

namespace eventbus::cli {

// Each makes the node of one command. `session` outlives it.
Command serve_command(Session& session);
Command publish_command(Session& session);
Command subscribe_command(Session& session);
Command tail_command(Session& session);
Command events_command(Session& session);
Command queues_command(Session& session);
Command dead_letters_command(Session& session);
Command breakers_command(Session& session);
Command bench_command(Session& session);
Command config_command(Session& session);
Command version_command(Session& session);

}  // namespace eventbus::cli
