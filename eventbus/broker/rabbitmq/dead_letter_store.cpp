#include "eventbus/broker/rabbitmq/dead_letter_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "eventbus/core/random_id.hpp"
#include "eventbus/postgres/migrations.hpp"
#include "eventbus/store/page_budget.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::rabbitmq {
namespace {

using postgres::Statement;

constexpr std::size_t longest_name = 100;  // of an entry
constexpr std::size_t most_statement_bytes = std::size_t{16} << 20U;
constexpr std::chrono::seconds patience_for_lookup{2};  // those that come behind it wait

constexpr std::string_view schema = R"sql(
CREATE TABLE eventbus_dead_letters (
  number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue_id BIGINT NOT NULL,
  entry VARCHAR COLLATE "C" NOT NULL,
  position BIGINT NOT NULL,
  event_id VARCHAR COLLATE "C" NOT NULL,
  reason VARCHAR COLLATE "C" NOT NULL,
  attempts BIGINT NOT NULL,
  first_failed_at TIMESTAMPTZ NOT NULL,
  last_failed_at TIMESTAMPTZ NOT NULL,
  exchange VARCHAR NOT NULL,
  routing_key VARCHAR NOT NULL,
  properties BYTEA NOT NULL,
  body BYTEA NOT NULL,
  taken_until TIMESTAMPTZ);
CREATE UNIQUE INDEX eventbus_dead_letters_entry ON eventbus_dead_letters (queue_id, entry);
CREATE INDEX eventbus_dead_letters_order ON eventbus_dead_letters (queue_id, position, number);
CREATE INDEX eventbus_dead_letters_event ON eventbus_dead_letters (queue_id, event_id);
CREATE INDEX eventbus_dead_letters_reason ON eventbus_dead_letters (queue_id, left(reason, 200), position, number);

-- Entries that are dead letters no more, so that a message that comes again is known.
CREATE TABLE eventbus_dead_letters_gone (
  queue_id BIGINT NOT NULL,
  entry VARCHAR COLLATE "C" NOT NULL,
  since TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (queue_id, entry));
CREATE INDEX eventbus_dead_letters_gone_since ON eventbus_dead_letters_gone (since);

-- Kept by the triggers below: nobody counts a million rows.
CREATE TABLE eventbus_dead_letter_counts (queue_id BIGINT PRIMARY KEY, count BIGINT NOT NULL);
CREATE FUNCTION eventbus_count_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO eventbus_dead_letter_counts AS c
    SELECT queue_id, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END FROM changed GROUP BY queue_id ORDER BY 1
    ON CONFLICT (queue_id) DO UPDATE SET count = c.count + excluded.count;
  RETURN NULL;
END $$;
CREATE TRIGGER eventbus_dead_letters_added AFTER INSERT ON eventbus_dead_letters
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION eventbus_count_dead_letters();
CREATE FUNCTION eventbus_count_no_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM eventbus_dead_letter_counts;
  RETURN NULL;
END $$;
CREATE TRIGGER eventbus_dead_letters_truncated AFTER TRUNCATE ON eventbus_dead_letters
  FOR EACH STATEMENT EXECUTE FUNCTION eventbus_count_no_dead_letters();
CREATE TRIGGER eventbus_dead_letters_removed AFTER DELETE ON eventbus_dead_letters
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION eventbus_count_dead_letters();
)sql";

constexpr std::string_view columns =
    "number, entry, position, event_id, reason, attempts, first_failed_at, last_failed_at, exchange, routing_key, "
    "properties, body";
constexpr std::string_view not_taken = "(taken_until IS NULL OR taken_until < now())";
constexpr std::string_view by_place = "ORDER BY position, number";
constexpr std::string_view bytes_of_row = "octet_length(body) + octet_length(properties)";

RestingMessage read_row(const postgres::Row& row) {
  return {.number = row.integer(0),
          .entry = std::string(row.text(1)),
          .position = row.integer(2),
          .event_id = std::string(row.text(3)),
          .death = {.reason = std::string(row.text(4)),
                    .attempts = static_cast<std::uint32_t>(row.integer(5)),
                    .first_failed_at = row.time(6),
                    .last_failed_at = row.time(7)},
          .origin = {.exchange = std::string(row.text(8)), .routing_key = std::string(row.text(9))},
          .properties = std::string(row.text(10)),
          .body = std::string(row.text(11))};
}

std::vector<RestingMessage> read_rows(const postgres::Rows& rows) {
  std::vector<RestingMessage> messages;
  messages.reserve(static_cast<std::size_t>(rows.size()));
  for (int index = 0; index < rows.size(); ++index) messages.push_back(read_row(rows[index]));
  return messages;
}

/// The statement was refused for what it was given.
bool is_about_values(const postgres::ServerError& error) {
  const auto& state = error.sqlstate();
  return std::ranges::any_of(std::array{"22", "23", "54"},
                             [&state](const char* kind) { return state.starts_with(kind); });
}

/// How many go into one statement: what fits, at least one.
std::size_t first_part(std::span<const RestingMessage> messages) {
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < std::min(messages.size(), DeadLetterStore::most_at_once); ++count) {
    bytes += messages[count].body.size() + messages[count].properties.size();
    if (count > 0 && bytes > most_statement_bytes) break;
  }
  return count;
}

template <class Member>
std::vector<std::string_view> texts(std::span<const RestingMessage> messages, Member member) {
  std::vector<std::string_view> all;
  for (const auto& message : messages) all.emplace_back(member(message));
  return all;
}

template <class Value, class Member>
std::vector<Value> values(std::span<const RestingMessage> messages, Member member) {
  std::vector<Value> all;
  for (const auto& message : messages) all.push_back(member(message));
  return all;
}

/// Condition: of the queue, and selected.
void append_condition(Statement& statement, DeadLetterStore::QueueId queue, const DeadLetterSelection& selection) {
  statement.append(" WHERE queue_id = ").append_value(std::int64_t{queue});
  if (!selection.reason.empty()) {
    statement.append(" AND left(reason, 200) = left(").append_value(std::string_view(selection.reason));
    statement.append("::varchar, 200) AND reason = ").append_value(std::string_view(selection.reason));
  } else if (!selection.all) {
    const std::vector<std::string_view> ids(selection.event_ids.begin(), selection.event_ids.end());
    statement.append(" AND event_id = ANY (").append_value(ids).append(")");
  }
}

/// Query for the numbers of the first that match; their rows are locked.
void append_first(Statement& statement, DeadLetterStore::QueueId queue, const DeadLetterSelection& selection,
                  std::int64_t newest, std::size_t limit) {
  statement.append(fmt::format("SELECT number, position, {} AS bytes FROM eventbus_dead_letters", bytes_of_row));
  append_condition(statement, queue, selection);
  statement.append(" AND number <= ").append_value(std::int64_t{newest});
  statement.append(fmt::format(" AND {} {}", not_taken, by_place));
  statement.append(" LIMIT ").append_value(static_cast<std::int64_t>(limit)).append(" FOR UPDATE SKIP LOCKED");
}

/// Continues `WITH …, gone AS (DELETE … RETURNING entry)`; ends in the number of those that are gone.
std::string remembering(std::string_view queue) {
  return fmt::format(
      ", remembered AS (INSERT INTO eventbus_dead_letters_gone SELECT DISTINCT {}::bigint, entry, now() FROM gone "
      "WHERE entry NOT LIKE '#%' "
      "ORDER BY entry ON CONFLICT (queue_id, entry) DO UPDATE SET since = excluded.since) SELECT count(*) FROM gone",
      queue);
}

}  // namespace

asio::awaitable<void> DeadLetterStore::migrate() {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  auto lease = co_await pool_.acquire(deadline);
  std::vector<std::string_view> steps{schema};
  std::string component = "dead letters";
  co_await postgres::migrate(*lease, std::move(component), std::move(steps), deadline);
}

asio::awaitable<postgres::Rows> DeadLetterStore::run(Statement statement) {
  return pool_.execute(std::move(statement), std::chrono::steady_clock::now() + timeout_);
}

asio::awaitable<std::uint64_t> DeadLetterStore::add(QueueId queue, std::vector<RestingMessage> messages) {
  std::uint64_t added = 0;
  for (std::span<RestingMessage> left = messages; !left.empty();) {
    const auto count = first_part(left);
    added += co_await add_part(queue, left.first(count));
    left = left.subspan(count);
  }
  co_return added;
}

/// A row that PostgreSQL refuses does not hold up the others: it rests with nothing that can be refused but its bytes.
asio::awaitable<std::uint64_t> DeadLetterStore::add_part(QueueId queue, std::span<RestingMessage> messages) {
  std::string refusal;
  try {
    co_return co_await insert(queue, messages);
  } catch (const postgres::ServerError& error) {
    if (!is_about_values(error)) throw;
    refusal = error.what();
  }
  std::uint64_t added = 0;
  if (messages.size() > 1) {
    for (std::size_t index = 0; index < messages.size(); ++index)
      added += co_await add_part(queue, messages.subspan(index, 1));
    co_return added;
  }
  log(LogLevel::error, "a dead letter can't be kept as it is; it rests as 'quarantined'",
      {{"event_id", std::string_view(messages.front().event_id)}, {"error", std::string_view(refusal)}});
  auto& one = messages.front();
  RestingMessage bare{.entry = one.entry.substr(0, longest_name),
                      .event_id = fmt::format("message-{:016x}", random_id(64)),
                      .death = {.reason = "quarantined", .first_failed_at = now(), .last_failed_at = now()},
                      .origin = {},
                      .properties = std::move(one.properties),
                      .body = std::move(one.body)};
  one = std::move(bare);
  co_return co_await insert(queue, messages);
}

asio::awaitable<std::uint64_t> DeadLetterStore::insert(QueueId queue, std::span<const RestingMessage> messages) {
  Statement statement(
      "WITH here AS (SELECT id FROM eventbus_queues WHERE id = $1 FOR KEY SHARE), added AS ("
      "INSERT INTO eventbus_dead_letters (queue_id, entry, position, event_id, reason, attempts, first_failed_at, "
      "last_failed_at, exchange, routing_key, properties, body) SELECT here.id, rows.* FROM here, unnest("
      "$2::varchar[], $3::bigint[], $4::varchar[], $5::varchar[], $6::bigint[], $7::timestamptz[], $8::timestamptz[], "
      "$9::varchar[], $10::varchar[], $11::bytea[], $12::bytea[]) AS rows "
      "ON CONFLICT (queue_id, entry) DO NOTHING RETURNING 1) "
      "SELECT (SELECT count(*) FROM here), (SELECT count(*) FROM added)");
  statement.add(std::int64_t{queue});
  statement.add(texts(messages, [](const auto& one) { return std::string_view(one.entry); }));
  statement.add(values<std::int64_t>(messages, [](const auto& one) { return one.position; }));
  statement.add(texts(messages, [](const auto& one) { return std::string_view(one.event_id); }));
  statement.add(texts(messages, [](const auto& one) { return std::string_view(one.death.reason); }));
  statement.add(values<std::int64_t>(messages, [](const auto& one) { return std::int64_t{one.death.attempts}; }));
  statement.add(values<Timestamp>(messages, [](const auto& one) { return one.death.first_failed_at; }));
  statement.add(values<Timestamp>(messages, [](const auto& one) { return one.death.last_failed_at; }));
  statement.add(texts(messages, [](const auto& one) { return std::string_view(one.origin.exchange); }));
  statement.add(texts(messages, [](const auto& one) { return std::string_view(one.origin.routing_key); }));
  statement.add_bytes(texts(messages, [](const auto& one) { return std::string_view(one.properties); }));
  statement.add_bytes(texts(messages, [](const auto& one) { return std::string_view(one.body); }));
  const auto rows = co_await run(std::move(statement));
  if (rows[0].integer(0) == 0)
    throw Unavailable("keeping dead letters", "their queue was deleted, or is another one of the same name now");
  co_return static_cast<std::uint64_t>(rows[0].integer(1));
}

asio::awaitable<std::set<std::string>> DeadLetterStore::known(QueueId queue, std::vector<std::string> entries) {
  Statement statement(
      "SELECT entry FROM eventbus_dead_letters WHERE queue_id = $1 AND entry = ANY ($2::varchar[]) "
      "UNION SELECT entry FROM eventbus_dead_letters_gone WHERE queue_id = $1 AND entry = ANY ($2::varchar[])");
  const std::vector<std::string_view> names(entries.begin(), entries.end());
  statement.add(std::int64_t{queue}).add(names);
  const auto deadline =
      std::chrono::steady_clock::now() + std::min<std::chrono::milliseconds>(timeout_, patience_for_lookup);
  const auto rows = co_await pool_.execute(std::move(statement), deadline);
  std::set<std::string> found;
  for (int index = 0; index < rows.size(); ++index) found.emplace(rows[index].text(0));
  co_return found;
}

asio::awaitable<DeadLetterStore::Page> DeadLetterStore::page(QueueId queue, Position after, std::int64_t after_number,
                                                             std::size_t limit) {
  Statement statement(fmt::format(
      "WITH first AS (SELECT {0}, sum({1}) OVER ({2}) - ({1}) AS before FROM (SELECT * FROM eventbus_dead_letters "
      "WHERE queue_id = $1 AND (position, number) > ($2, $3) {2} LIMIT $4) AS all_columns) "
      "SELECT {0} FROM first WHERE before < $5 {2}",
      columns, bytes_of_row, by_place));
  statement.add(std::int64_t{queue}).add(std::int64_t{after}).add(after_number);
  statement.add(static_cast<std::int64_t>(limit + 1)).add(static_cast<std::int64_t>(most_page_bytes));
  const auto rows = co_await run(std::move(statement));
  Page page{.messages = read_rows(rows)};
  std::size_t bytes = 0;
  for (const auto& message : page.messages) bytes += message.body.size() + message.properties.size();
  page.more = page.messages.size() > limit || bytes >= most_page_bytes;
  if (page.messages.size() > limit) page.messages.resize(limit);
  co_return page;
}

asio::awaitable<DeadLetterStore::Matched> DeadLetterStore::matched(QueueId queue, DeadLetterSelection selection) {
  Statement statement("SELECT (SELECT coalesce(max(number), 0) FROM eventbus_dead_letters), ");
  if (selection.all) {
    statement.append("(SELECT count FROM eventbus_dead_letter_counts WHERE queue_id = ");
    statement.append_value(std::int64_t{queue}).append(")");
  } else {
    statement.append("(SELECT count(*) FROM eventbus_dead_letters");
    append_condition(statement, queue, selection);
    statement.append(")");
  }
  const auto rows = co_await run(std::move(statement));
  co_return Matched{static_cast<std::uint64_t>(rows[0].integer(1)), rows[0].integer(0)};
}

asio::awaitable<bool> DeadLetterStore::any(QueueId queue, DeadLetterSelection selection, std::int64_t newest) {
  Statement statement("SELECT EXISTS (SELECT 1 FROM eventbus_dead_letters");
  append_condition(statement, queue, selection);
  statement.append(" AND number <= ").append_value(std::int64_t{newest}).append(")");
  const auto rows = co_await run(std::move(statement));
  co_return rows[0].boolean(0);
}

asio::awaitable<std::vector<RestingMessage>> DeadLetterStore::take(QueueId queue, DeadLetterSelection selection,
                                                                   std::int64_t newest, std::size_t limit) {
  Statement statement("WITH first AS (");
  append_first(statement, queue, selection, newest, std::min(limit, most_at_once));
  statement.append(
      fmt::format("), few AS (SELECT number AS n, sum(bytes) OVER ({}) - bytes AS before FROM first) "
                  "UPDATE eventbus_dead_letters SET taken_until = now() + interval '1 minute' FROM few "
                  "WHERE number = n AND before < ",
                  by_place));
  statement.append_value(static_cast<std::int64_t>(most_page_bytes)).append(" RETURNING ").append(columns);
  const auto rows = co_await run(std::move(statement));
  auto messages = read_rows(rows);
  std::ranges::sort(messages, {}, [](const RestingMessage& one) { return std::pair(one.position, one.number); });
  co_return messages;
}

asio::awaitable<void> DeadLetterStore::put_back(std::vector<std::int64_t> numbers) {
  Statement statement("UPDATE eventbus_dead_letters SET taken_until = NULL WHERE number = ANY ($1)");
  statement.add(numbers);
  co_await run(std::move(statement));
}

asio::awaitable<void> DeadLetterStore::remove(QueueId queue, std::vector<std::int64_t> numbers) {
  Statement statement(
      "WITH gone AS (DELETE FROM eventbus_dead_letters WHERE number = ANY ($2) AND queue_id = $1 RETURNING entry)" +
      remembering("$1"));
  statement.add(std::int64_t{queue}).add(numbers);
  co_await run(std::move(statement));
}

asio::awaitable<std::uint64_t> DeadLetterStore::remove(QueueId queue, DeadLetterSelection selection,
                                                       std::int64_t newest, std::size_t limit) {
  Statement statement("WITH first AS (");
  append_first(statement, queue, selection, newest, std::min(limit, most_at_once));
  statement.append(
      "), gone AS (DELETE FROM eventbus_dead_letters WHERE number IN (SELECT number FROM first) RETURNING entry)");
  statement.append(remembering("$1"));
  const auto rows = co_await run(std::move(statement));
  co_return static_cast<std::uint64_t>(rows[0].integer(0));
}

asio::awaitable<std::map<DeadLetterStore::QueueId, std::uint64_t>> DeadLetterStore::counts() {
  Statement statement("SELECT queue_id, count FROM eventbus_dead_letter_counts WHERE count > 0");
  const auto rows = co_await run(std::move(statement));
  std::map<QueueId, std::uint64_t> counts;
  for (int index = 0; index < rows.size(); ++index)
    counts.emplace(rows[index].integer(0), static_cast<std::uint64_t>(rows[index].integer(1)));
  co_return counts;
}

asio::awaitable<bool> DeadLetterStore::tidy() {
  Statement statement(
      "SELECT queue_id FROM eventbus_dead_letter_counts WHERE NOT EXISTS (SELECT 1 FROM eventbus_queues "
      "WHERE id = queue_id)");
  const auto rows = co_await run(std::move(statement));
  std::vector<std::int64_t> gone;
  gone.reserve(static_cast<std::size_t>(rows.size()));
  for (int index = 0; index < rows.size(); ++index) gone.push_back(rows[index].integer(0));
  bool more = co_await remove_some("eventbus_dead_letters_gone",
                                   "since < now() - interval '2 hours' OR queue_id = ANY ($1)", gone);
  if (gone.empty()) co_return more;
  const bool rest = co_await remove_some("eventbus_dead_letters", "queue_id = ANY ($1)", gone);
  if (!rest) co_await remove_some("eventbus_dead_letter_counts", "count = 0 AND queue_id = ANY ($1)", gone);
  co_return more || rest;
}

/// True: there may be more.
asio::awaitable<bool> DeadLetterStore::remove_some(std::string_view table, std::string_view condition,
                                                   std::vector<std::int64_t> queues) {
  Statement statement(
      fmt::format("DELETE FROM {0} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {0} WHERE {1} LIMIT {2} "
                  "FOR UPDATE SKIP LOCKED))",
                  table, condition, most_at_once));
  statement.add(queues);
  const auto rows = co_await run(std::move(statement));
  co_return rows.affected() == static_cast<std::int64_t>(most_at_once);
}

}  // namespace eventbus::rabbitmq
