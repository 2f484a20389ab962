#include "eventbus/broker/rabbitmq/instance_mail.hpp"

#include <fmt/format.h>

#include <utility>

#include "eventbus/core/error.hpp"
#include "eventbus/postgres/migrations.hpp"
#include "eventbus/runtime/task_group.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::rabbitmq {
namespace {

using postgres::Statement;

constexpr std::size_t most_waiting = 20'000;
constexpr std::size_t most_at_once = 1'000;
constexpr std::chrono::seconds mail_check_interval{1};  // a notification that went astray costs no more
constexpr std::chrono::milliseconds pause_after_failure{500};

// Letters live for milliseconds and may be lost with the server: no write-ahead log, and vacuum comes often.
constexpr std::string_view mail_schema = R"sql(
CREATE UNLOGGED TABLE eventbus_mail (
  recipient BIGINT NOT NULL,
  sender BIGINT NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  body TEXT NOT NULL)
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);
CREATE INDEX idx_eventbus_mail_recipient ON eventbus_mail (recipient);
)sql";

/// As the server's BIGINT.
std::int64_t number_of(InstanceId instance) {
  return static_cast<std::int64_t>(instance);
}

}  // namespace

InstanceMail::InstanceMail(const asio::any_io_executor& loop, postgres::ConnectionPool& pool, InstanceId self,
                           Settings settings, Receive receive)
    : loop_(loop), pool_(pool), self_(self), settings_(settings), receive_(std::move(receive)), changed_(loop) {}

asio::awaitable<void> InstanceMail::migrate() {
  const auto deadline = Clock::now() + settings_.timeout;
  auto lease = co_await pool_.acquire(deadline);
  std::vector<std::string_view> steps{mail_schema};
  std::string component = "mail";
  co_await postgres::migrate(*lease, std::move(component), std::move(steps), deadline);
}

asio::awaitable<postgres::Rows> InstanceMail::execute(Statement statement) {
  return pool_.execute(std::move(statement), Clock::now() + settings_.timeout);
}

asio::awaitable<bool> InstanceMail::send(Letter letter) {
  if (stopped_) throw Unavailable("asking another instance", "the service shuts down");
  if (outgoing_.size() >= most_waiting)
    throw Unavailable("asking another instance", "too many questions wait for the database");
  auto enqueue = [this, &letter](Completion<bool> done) {
    outgoing_.push_back({std::move(letter), std::move(done)});
    changed_.notify_all();
  };
  co_return co_await suspend<bool>(enqueue);
}

asio::awaitable<bool> InstanceMail::runs(InstanceId instance, Clock::time_point since) {
  if (looked_ <= since && !std::exchange(looking_, true)) {
    std::exception_ptr failure;
    try {
      co_await look();
    } catch (const Unavailable&) {
      failure = std::current_exception();
    }
    looking_ = false;
    if (failure) std::rethrow_exception(failure);
  }
  co_return looked_ <= since || running_.contains(instance);
}

asio::awaitable<void> InstanceMail::look() {
  const auto begun = Clock::now();
  Statement statement{std::string(running_instances)};
  const auto rows = co_await execute(std::move(statement));
  running_.clear();
  for (int index = 0; index < rows.size(); ++index) running_.insert(static_cast<InstanceId>(rows[index].integer(0)));
  looked_ = begun;
}

asio::awaitable<void> InstanceMail::run() {
  TaskGroup sending(loop_);
  sending.spawn("send letters", send_all());
  co_await receive_all();
  co_await sending.join();
}

void InstanceMail::stop() {
  stopped_ = true;
  changed_.notify_all();
  if (session_) session_->end_wait();
}

asio::awaitable<void> InstanceMail::send_all() {
  while (!stopped_ || !outgoing_.empty()) {
    if (outgoing_.empty()) {
      co_await changed_.wait();
      continue;
    }
    auto group = take_group();
    std::vector<InstanceId> recipients;
    std::vector<std::string> bodies;
    for (auto& [letter, done] : group) {
      recipients.push_back(letter.other);
      bodies.push_back(std::move(letter.body));
    }
    std::exception_ptr failure;
    std::set<InstanceId> reached;
    try {
      reached = co_await post(recipients, std::move(bodies));
    } catch (const Unavailable&) {
      failure = std::current_exception();
    }
    for (std::size_t index = 0; index < group.size(); ++index)
      group[index].done(failure, reached.contains(recipients[index]));
  }
}

std::vector<InstanceMail::Outgoing> InstanceMail::take_group() {
  std::vector<Outgoing> group;
  while (!outgoing_.empty() && group.size() < most_at_once) {
    group.push_back(std::move(outgoing_.front()));
    outgoing_.pop_front();
  }
  return group;
}

/// Those recipients that run; letters to others are not kept.
asio::awaitable<std::set<InstanceId>> InstanceMail::post(std::vector<InstanceId> recipients,
                                                         std::vector<std::string> bodies) {
  Statement statement(
      "WITH sent AS (INSERT INTO eventbus_mail SELECT recipient, $1::bigint, now() + $2::bigint * interval '1 ms', "
      "body FROM unnest($3::bigint[], $4::text[]) AS letters (recipient, body) WHERE recipient IN (" +
      std::string(running_instances) +
      ") RETURNING recipient) SELECT recipient, pg_notify('eventbus_mail_' || to_hex(recipient), '')::text FROM "
      "(SELECT "
      "DISTINCT recipient FROM sent) AS reached");
  std::vector<std::int64_t> numbers;
  numbers.reserve(recipients.size());
  for (const auto recipient : recipients) numbers.push_back(number_of(recipient));
  const std::vector<std::string_view> texts(bodies.begin(), bodies.end());
  statement.add(number_of(self_)).add(std::int64_t{settings_.life.count()}).add(numbers).add(texts);
  const auto rows = co_await execute(std::move(statement));
  std::set<InstanceId> reached;
  for (int index = 0; index < rows.size(); ++index) reached.insert(static_cast<InstanceId>(rows[index].integer(0)));
  co_return reached;
}

asio::awaitable<void> InstanceMail::receive_all() {
  while (!stopped_) {
    bool failed = false;
    try {
      co_await listen();
    } catch (const Unavailable& error) {
      failed = true;
      log(LogLevel::debug, "other instances can't reach this one for now", {{"error", std::string_view(error.what())}});
    }
    if (failed) session_.reset();
    if (failed && !stopped_) co_await changed_.wait_until(Clock::now() + pause_after_failure);
  }
  session_.reset();
}

asio::awaitable<void> InstanceMail::open() {
  if (session_) co_return;
  const auto deadline = Clock::now() + settings_.timeout;
  auto session = co_await postgres::Connection::connect(loop_, pool_.connection_settings(), deadline);
  auto sql = fmt::format("LISTEN eventbus_mail_{:x}; SELECT pg_advisory_lock_shared({})", self_, number_of(self_));
  co_await session->script(std::move(sql), deadline);
  session_ = std::move(session);
}

asio::awaitable<void> InstanceMail::listen() {
  co_await open();
  co_await fetch();
  co_await tidy();
  if (!stopped_) co_await session_->wait_notified(Clock::now() + mail_check_interval);
}

asio::awaitable<void> InstanceMail::fetch() {
  for (bool more = true; more;) {
    Statement statement(
        "DELETE FROM eventbus_mail WHERE ctid = ANY (ARRAY(SELECT ctid FROM eventbus_mail WHERE recipient = $1 "
        "LIMIT $2)) RETURNING sender, body, expires_at > now()");
    statement.add(number_of(self_)).add(std::int64_t{most_at_once});
    const auto rows = co_await session_->execute(std::move(statement), Clock::now() + settings_.timeout);
    for (int index = 0; index < rows.size(); ++index) {
      const auto row = rows[index];
      if (row.boolean(2)) receive_({static_cast<InstanceId>(row.integer(0)), std::string(row.text(1))});
    }
    more = rows.size() == static_cast<int>(most_at_once);
  }
}

/// Letters whose recipient died before it took them.
asio::awaitable<void> InstanceMail::tidy() {
  if (Clock::now() - tidied_ < settings_.life) co_return;
  Statement statement("DELETE FROM eventbus_mail WHERE expires_at < now()");
  co_await session_->execute(std::move(statement), Clock::now() + settings_.timeout);
  tidied_ = Clock::now();
}

}  // namespace eventbus::rabbitmq
