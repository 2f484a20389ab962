#include "eventbus/broker/rabbitmq/topology.hpp"

#include <fmt/format.h>

#include "eventbus/broker/rabbitmq/names.hpp"

namespace eventbus::rabbitmq {
namespace {

// A delay queue is removed by the server when it was not declared for this long and its messages' delay together; until
// a third of it has passed a declaration is remembered.
constexpr std::chrono::minutes delay_queue_life{30};
constexpr std::chrono::minutes remembered{10};
constexpr std::int64_t delivery_limit = 1'000'000;

template <class T>
bool not_found(const Result<T>& result) {
  return !result && result.error().code == ErrorCode::not_found;
}

template <class T>
T expect(Result<T> result, std::string_view operation) {
  if (!result) {
    throw amqp::Refused(operation, result.error().detail +
                                       "; what is there on RabbitMQ under this name is not ours: remove it there, or "
                                       "use another virtual host in RABBITMQ_URL");
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::string about(std::string_view what, std::string_view name) {
  return std::string(what) + " '" + std::string(name) + "'";
}

amqp::QueueSpec quorum_queue(std::string name) {
  amqp::QueueSpec queue;
  queue.name = std::move(name);
  queue.arguments.emplace_back("x-queue-type", "quorum");
  return queue;
}

/// At least once: RabbitMQ keeps a dead letter until the next queue has confirmed it. This needs reject-publish.
void dead_letter_to(amqp::QueueSpec& queue, std::string exchange, std::string routing_key) {
  queue.arguments.emplace_back("x-dead-letter-exchange", std::move(exchange));
  queue.arguments.emplace_back("x-dead-letter-routing-key", std::move(routing_key));
  queue.arguments.emplace_back("x-dead-letter-strategy", "at-least-once");
  queue.arguments.emplace_back("x-overflow", "reject-publish");
}

}  // namespace

std::string dead_letter_exchange_of(const QueueDefinition& definition) {
  return dead_letter_exchange(definition.bindings.front().exchange);
}

asio::awaitable<void> Topology::until_connected() {
  const auto until = deadline();
  while (connection_.state() == amqp::LinkState::disconnected && std::chrono::steady_clock::now() < until) {
    if (!guard_.closed()) throw guard_.refusal();
    co_await changed_.wait_until(until);
  }
}

void Topology::forget() {
  exchanges_.clear();
  made_.clear();
}

asio::awaitable<void> Topology::declare(amqp::QueueSpec queue) {
  const auto operation = about("declaring queue", queue.name);
  expect(co_await ask(connection_.declare_queue(std::move(queue), deadline())), operation);
}

asio::awaitable<Result<void>> Topology::ensure_exchange(std::string exchange) {
  if (exchange.empty()) co_return Result<void>{};
  if (const auto known = exchanges_.find(exchange); known != exchanges_.end()) co_return known->second;
  std::string type = "topic";
  auto declared = co_await ask(connection_.declare_exchange(exchange, std::move(type), true, deadline()));
  const bool otherwise_there = !declared && declared.error().code == ErrorCode::conflict;
  const bool unfit = !declared && declared.error().code == ErrorCode::exchange_conflict;
  if (!otherwise_there && !unfit) expect(declared, about("declaring exchange", exchange));
  if (otherwise_there) declared = {};
  exchanges_.insert_or_assign(std::move(exchange), declared);
  co_return declared;
}

asio::awaitable<Result<void>> Topology::ensure_exchanges(std::vector<Binding> bindings) {
  for (const auto& binding : bindings) exchanges_.erase(binding.exchange);
  for (std::size_t index = 0; index < bindings.size(); ++index) {
    const auto& exchange = bindings[index].exchange;
    const auto fit = co_await ensure_exchange(exchange);
    if (fit) continue;
    co_return fail(ErrorCode::exchange_conflict,
                   fmt::format("Exchange '{}' is there on RabbitMQ and is no topic exchange. Bind the queue to another "
                               "one, or delete it there. RabbitMQ says: {}",
                               exchange, fit.error().detail),
                   {{fmt::format("bindings[{}].exchange", index), "is an exchange of another type than topic"}});
  }
  co_return Result<void>{};
}

asio::awaitable<bool> Topology::is_there(std::string queue) {
  const auto found = co_await ask(connection_.inspect_queue(std::move(queue), deadline()));
  co_return found.has_value();
}

asio::awaitable<bool> Topology::is_gone(std::string queue) {
  const auto found = co_await ask(connection_.inspect_queue(std::move(queue), deadline()));
  co_return not_found(found);
}

asio::awaitable<Topology::QueueFound> Topology::ensure_queue(QueueDefinition definition, bool may_make, GoOn go_on) {
  // One that became another since the queue was declared is used as it is: one queue must not hold up all others.
  for (const auto& binding : definition.bindings) co_await ensure_exchange(binding.exchange);
  const auto dead_letters = dead_letter_exchange_of(definition);
  std::string type = "direct";
  expect(co_await ask(connection_.declare_exchange(dead_letters, std::move(type), true, deadline())),
         about("declaring exchange", dead_letters));
  // What it was declared with stays, whatever its definition says now: RabbitMQ knows no change of arguments.
  const bool there = co_await is_there(definition.name);
  const bool resting_there = co_await is_there(dead_letter_queue(definition.name));
  if (!may_make && !(there && resting_there)) co_return QueueFound::missing;
  if (!resting_there) {
    if (go_on) co_await go_on();
    co_await ensure_dead_letter_queue(definition.name);
  }
  expect(co_await ask(
             connection_.bind_queue(dead_letter_queue(definition.name), dead_letters, definition.name, deadline())),
         about("binding queue", dead_letter_queue(definition.name)));
  if (there) co_return QueueFound::there;
  auto queue = quorum_queue(definition.name);
  dead_letter_to(queue, dead_letters, definition.name);
  // Positive, so that what goes back comes first again; and so high that being handed about harms nobody.
  queue.arguments.emplace_back("x-delivery-limit", delivery_limit);
  if (definition.ordered) queue.arguments.emplace_back("x-single-active-consumer", true);
  if (go_on) co_await go_on();
  co_await declare(std::move(queue));
  co_return QueueFound::made;
}

asio::awaitable<void> Topology::ensure_dead_letter_queue(std::string queue) {
  auto resting = quorum_queue(dead_letter_queue(queue));
  // One instance at a time takes in what lies there. Older ones declare it with just these arguments.
  resting.arguments.emplace_back("x-single-active-consumer", true);
  co_await declare(std::move(resting));
}

asio::awaitable<bool> Topology::ensure_ingest_queue(std::string queue) {
  const auto dead_letters = dead_letter_queue(queue);
  const auto resting = co_await connection_.inspect_queue(dead_letters, deadline());
  if (!resting) co_await declare(quorum_queue(dead_letters));
  auto wanted = quorum_queue(queue);
  dead_letter_to(wanted, "", dead_letters);
  const auto declared = co_await connection_.declare_queue(std::move(wanted), deadline());
  if (!declared && declared.error().code == ErrorCode::conflict) co_return false;
  expect(declared, about("declaring queue", queue));
  co_return true;
}

asio::awaitable<void> Topology::bind(std::string queue, std::vector<Binding> bindings) {
  for (const auto& [exchange, routing_key] : bindings) {
    expect(co_await ask(connection_.bind_queue(queue, exchange, routing_key, deadline())),
           about("binding queue", queue));
  }
}

asio::awaitable<void> Topology::unbind(std::string queue, std::vector<Binding> bindings) {
  for (const auto& [exchange, routing_key] : bindings) {
    expect(co_await ask(connection_.unbind_queue(queue, exchange, routing_key, deadline())),
           about("unbinding queue", queue));
  }
}

bool Topology::has_retry_queue(std::string_view queue, std::chrono::milliseconds step) const {
  const auto made = made_.find(retry_queue(queue, step));
  return made != made_.end() && std::chrono::steady_clock::now() - made->second < remembered;
}

asio::awaitable<std::string> Topology::ensure_retry_queue(std::string queue, std::chrono::milliseconds step) {
  auto name = retry_queue(queue, step);
  if (has_retry_queue(queue, step)) co_return name;
  const auto now = std::chrono::steady_clock::now();
  auto waiting = quorum_queue(name);
  dead_letter_to(waiting, "", std::move(queue));
  waiting.arguments.emplace_back("x-message-ttl", std::int64_t{step.count()});
  const auto life = std::chrono::duration_cast<std::chrono::milliseconds>(delay_queue_life) + step;
  waiting.arguments.emplace_back("x-expires", std::int64_t{life.count()});
  co_await declare(std::move(waiting));
  made_[name] = now;
  co_return name;
}

asio::awaitable<void> Topology::remove(QueueRecord record, GoOn go_on) {
  const auto& name = record.definition.name;
  std::vector<std::string> queues{name, dead_letter_queue(name)};
  for (const auto delay : record.retry_delays) queues.push_back(retry_queue(name, delay));
  for (const auto& queue : queues) {
    made_.erase(queue);
    co_await go_on();
    expect(co_await ask(connection_.delete_queue(queue, deadline())), about("deleting queue", queue));
  }
}

asio::awaitable<std::uint64_t> Topology::purge(QueueRecord record) {
  const auto& name = record.definition.name;
  std::uint64_t gone = expect(co_await ask(connection_.purge_queue(name, deadline())), about("purging queue", name));
  for (const auto delay : record.retry_delays) {
    const auto queue = retry_queue(name, delay);
    const auto purged = co_await ask(connection_.purge_queue(queue, deadline()));
    if (!not_found(purged)) gone += expect(purged, about("purging queue", queue));
  }
  co_return gone;
}

asio::awaitable<std::uint64_t> Topology::ready(std::string queue) {
  const auto counts = co_await ask(connection_.inspect_queue(queue, deadline()));
  if (not_found(counts)) co_return 0;
  co_return expect(counts, about("inspecting queue", queue)).ready;
}

asio::awaitable<ServerCounts> Topology::count(QueueRecord record, std::vector<std::chrono::milliseconds>& gone) {
  const auto& name = record.definition.name;
  ServerCounts counts;
  const auto there = co_await ask(connection_.inspect_queue(name, deadline()));
  counts.missing = not_found(there);
  if (!counts.missing) counts.ready = expect(there, about("inspecting queue", name)).ready;
  counts.resting = co_await ready(dead_letter_queue(name));
  for (const auto delay : record.retry_delays) {
    const auto queue = retry_queue(name, delay);
    const auto waiting = co_await ask(connection_.inspect_queue(queue, deadline()));
    if (not_found(waiting)) {
      gone.push_back(delay);
    } else {
      counts.delayed += expect(waiting, about("inspecting queue", queue)).ready;
    }
  }
  co_return counts;
}

}  // namespace eventbus::rabbitmq
