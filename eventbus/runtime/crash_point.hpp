#pragma once

#include <string_view>

namespace eventbus {

/// A named place where a crash test may end the process with SIGKILL. Does nothing unless the environment variable
/// EVENTBUS_CRASH_POINT is "<name>" or "<name>:<n>" (dies at the n-th pass); "<name>:<n>:throw" throws std::logic_error
/// there instead, as a fault of the program would. Thread-safe; one pointer test otherwise.
/// Names: store.before_commit, store.after_commit, publish.before_answer, broker.before_ack_commit,
/// broker.after_ack_commit, broker.before_fill; with several instances also relay.before_publish, relay.before_removal,
/// relay.after_removal, broker.before_delivery, broker.before_retry_ack, ingest.before_accept; in the library
/// library.before_settle, library.before_commit, library.after_commit.
void crash_point(std::string_view name);

}  // namespace eventbus
