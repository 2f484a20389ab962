#include "eventbus/store/cursor_check.hpp"

namespace eventbus {

asio::awaitable<Result<void>> check_cursor(EventStore& store, LogPlace place) {
  const bool given = co_await store.gave(place);
  if (given) co_return Result<void>{};
  co_return fail(
      ErrorCode::cursor_lost,
      "The log was put back from a copy that is older than this cursor, and what was stored after the copy is "
      "lost. Begin anew: without a cursor, from the beginning, or from the time of the last event you have.");
}

}  // namespace eventbus
