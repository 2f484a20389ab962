#include "eventbus/library/deduplicator.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <tuple>
#include <utility>

#include "eventbus/library/background_loop.hpp"
#include "eventbus/library/deduplicator_backend.hpp"
#include "eventbus/runtime/crash_point.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus {
namespace {

constexpr std::size_t longest_consumer = 255;
constexpr std::size_t longest_id = 1020;  ///< 255 characters.
constexpr std::chrono::minutes between_forgetting{1};

bool is_postgres(const std::string& database) {
  if (database.starts_with("postgresql://") || database.starts_with("postgres://")) return true;
  const bool path = database.starts_with('/') || database.starts_with('.');
  return !path && database.find('=') != std::string::npos;
}

Result<void> check_id(const std::string& event_id) {
  const bool good = !event_id.empty() && event_id.size() <= longest_id && event_id.find('\0') == std::string::npos;
  if (good) return {};
  return fail(ErrorCode::invalid, "event_id must have 1 to 255 characters");
}

DeduplicatorLimits sensible(DeduplicatorLimits limits) {
  constexpr std::chrono::seconds longest = std::chrono::years{100};
  return {.entries = std::clamp<std::size_t>(limits.entries, 1, 1'000'000'000'000),
          .age = std::clamp(limits.age, std::chrono::seconds{1}, longest)};
}

}  // namespace

struct Deduplicator::Transaction::State {
  BackgroundLoop& loop;
  std::shared_ptr<HandlingTransaction> transaction;
  std::optional<Error> failure;

  asio::awaitable<Result<SqlResult>> execute(std::string sql, std::vector<std::optional<std::string>> values) {
    if (failure) co_return std::unexpected(*failure);
    if (sql.find_first_not_of(" \t\r\n;") == std::string::npos) {
      failure = Error{ErrorCode::invalid, "give one SQL statement at a time", {}};
      co_return std::unexpected(*failure);
    }
    auto running = without_throwing(transaction->execute(std::move(sql), std::move(values)));
    auto result = co_await std::move(running);
    if (!result) failure = result.error();
    co_return result;
  }
};

/// What runs on the loop, apart from the backend's own work.
struct Deduplicator::Impl {
  using Begun = std::shared_ptr<HandlingTransaction>;

  Impl(std::string where, std::string who, DeduplicatorLimits most)
      : database(std::move(where)), consumer(std::move(who)), limits(sensible(most)) {}
  ~Impl() {
    loop.call([this] { backend.reset(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> make_backend() {
    if (consumer.empty() || consumer.size() > longest_consumer)
      return fail(ErrorCode::invalid, "consumer must have 1 to 255 bytes");
    if (database.empty())
      return fail(ErrorCode::invalid, "give a Deduplicator a postgresql:// URL or the path of an SQLite file");
    if (!is_postgres(database)) {
      backend = sqlite_deduplicator(loop.executor(), database, consumer, limits);
      return {};
    }
    auto made = postgres_deduplicator(loop.executor(), database, consumer, limits);
    if (!made) return std::unexpected(std::move(made.error()));
    backend = std::move(*made);
    return {};
  }

  asio::awaitable<Result<void>> prepare() {
    if (!backend) {
      if (auto made = make_backend(); !made) co_return made;
    }
    if (!prepared) co_await backend->prepare();
    prepared = true;
    co_return Result<void>{};
  }

  asio::awaitable<Result<bool>> contains(std::string event_id) {
    if (auto checked = check_id(event_id); !checked) co_return std::unexpected(std::move(checked.error()));
    if (auto ready = co_await prepare(); !ready) co_return std::unexpected(std::move(ready.error()));
    co_return co_await backend->contains(std::move(event_id));
  }

  asio::awaitable<Result<std::size_t>> size() {
    if (auto ready = co_await prepare(); !ready) co_return std::unexpected(std::move(ready.error()));
    co_return static_cast<std::size_t>(co_await backend->size());
  }

  /// Null: handled before. Wherever the result is dropped, the transaction ends on the loop.
  asio::awaitable<Result<Begun>> begin(std::string event_id) {
    if (auto checked = check_id(event_id); !checked) co_return std::unexpected(std::move(checked.error()));
    if (auto ready = co_await prepare(); !ready) co_return std::unexpected(std::move(ready.error()));
    auto begun = co_await backend->begin(std::move(event_id));
    if (!begun) co_return Begun();
    co_return Begun(begun.release(), [executor = loop.executor()](HandlingTransaction* ended) {
      asio::post(executor, [owned = std::unique_ptr<HandlingTransaction>(ended)] {});
    });
  }

  asio::awaitable<Result<bool>> commit(Begun transaction, std::optional<Error> failure) {
    if (!failure && !transaction->open()) {
      failure = Error{ErrorCode::invalid, "the work of `once` must not end the transaction; leave that to `once`", {}};
    }
    if (failure) {
      co_await transaction->roll_back();
      co_return std::unexpected(std::move(*failure));
    }
    crash_point("library.before_commit");
    co_await transaction->commit();
    crash_point("library.after_commit");
    transaction.reset();
    co_await forget();
    co_return true;
  }

  asio::awaitable<Result<bool>> undo(Begun transaction) {
    co_await transaction->roll_back();
    co_return false;
  }

  asio::awaitable<Result<bool>> remember(std::string event_id) {
    auto begun = co_await begin(std::move(event_id));
    if (!begun) co_return std::unexpected(std::move(begun.error()));
    if (!*begun) co_return false;
    co_return co_await commit(std::move(*begun), std::nullopt);
  }

  /// What is beyond the limits, now and then. A failure is no reason to fail what was done: the next time does it.
  asio::awaitable<void> forget() {
    const auto now = std::chrono::steady_clock::now();
    const bool due = ++remembered >= std::max<std::size_t>(limits.entries / 10, 1) || now >= next_forgetting;
    if (!due || forgetting) co_return;
    remembered = 0;
    next_forgetting = now + between_forgetting;
    forgetting = true;
    try {
      bool more = true;
      while (more) {
        const auto forgotten = co_await backend->forget_some();
        more = forgotten == DeduplicatorBackend::most_forgotten;
      }
    } catch (const Unavailable& error) {
      log_warning("forgetting handled events failed; it is tried again within a minute",
                  {{"consumer", std::string_view(consumer)}, {"error", std::string_view(error.what())}});
    }
    forgetting = false;
  }

  std::string database;
  std::string consumer;
  DeduplicatorLimits limits;
  bool prepared = false;
  std::size_t remembered = 0;
  std::chrono::steady_clock::time_point next_forgetting{};
  bool forgetting = false;
  std::unique_ptr<DeduplicatorBackend> backend;
  BackgroundLoop loop;
};

Deduplicator::Deduplicator(std::string database, std::string consumer, DeduplicatorLimits limits)
    : impl_(std::make_unique<Impl>(std::move(database), std::move(consumer), limits)) {}
Deduplicator::~Deduplicator() = default;

Result<void> Deduplicator::initialize_schema() {
  return impl_->loop.wait_for_result(impl_->prepare());
}
asio::awaitable<Result<void>> Deduplicator::async_initialize_schema() {
  return impl_->loop.run_for_result(impl_->prepare());
}

Result<bool> Deduplicator::once(std::string event_id, const Work& work) {
  auto begun = impl_->loop.wait_for_result(impl_->begin(std::move(event_id)));
  if (!begun) return std::unexpected(std::move(begun.error()));
  if (!*begun) return false;
  Transaction::State state{impl_->loop, std::move(*begun), {}};
  Transaction transaction(state);
  try {
    work(transaction);
  } catch (...) {
    std::ignore =
        impl_->loop.wait_for_result(impl_->undo(std::move(state.transaction)));  // the handler's trouble is told
    throw;
  }
  return impl_->loop.wait_for_result(impl_->commit(std::move(state.transaction), std::move(state.failure)));
}

asio::awaitable<Result<bool>> Deduplicator::async_once(std::string event_id, AsyncWork work) {
  auto beginning = impl_->loop.run_for_result(impl_->begin(std::move(event_id)));
  auto begun = co_await std::move(beginning);
  if (!begun) co_return std::unexpected(std::move(begun.error()));
  if (!*begun) co_return false;
  Transaction::State state{impl_->loop, std::move(*begun), {}};
  Transaction transaction(state);
  std::exception_ptr thrown;
  try {
    auto working = work(transaction);
    co_await std::move(working);
  } catch (...) {
    thrown = std::current_exception();
  }
  auto ending = thrown
                    ? impl_->loop.run_for_result(impl_->undo(std::move(state.transaction)))
                    : impl_->loop.run_for_result(impl_->commit(std::move(state.transaction), std::move(state.failure)));
  auto result = co_await std::move(ending);
  if (thrown) std::rethrow_exception(thrown);
  co_return result;
}

Result<bool> Deduplicator::contains(std::string event_id) {
  return impl_->loop.wait_for_result(impl_->contains(std::move(event_id)));
}
asio::awaitable<Result<bool>> Deduplicator::async_contains(std::string event_id) {
  return impl_->loop.run_for_result(impl_->contains(std::move(event_id)));
}

Result<bool> Deduplicator::remember(std::string event_id) {
  return impl_->loop.wait_for_result(impl_->remember(std::move(event_id)));
}
asio::awaitable<Result<bool>> Deduplicator::async_remember(std::string event_id) {
  return impl_->loop.run_for_result(impl_->remember(std::move(event_id)));
}

Result<std::size_t> Deduplicator::size() {
  return impl_->loop.wait_for_result(impl_->size());
}
asio::awaitable<Result<std::size_t>> Deduplicator::async_size() {
  return impl_->loop.run_for_result(impl_->size());
}

Result<SqlResult> Deduplicator::Transaction::execute(std::string sql, std::vector<std::optional<std::string>> values) {
  return state_.loop.wait(state_.execute(std::move(sql), std::move(values)));
}
asio::awaitable<Result<SqlResult>> Deduplicator::Transaction::async_execute(
    std::string sql, std::vector<std::optional<std::string>> values) {
  return state_.loop.run(state_.execute(std::move(sql), std::move(values)));
}

}  // namespace eventbus
