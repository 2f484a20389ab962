#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eventbus/core/event.hpp"

/// The tables of the event store in PostgreSQL.
///
/// `events` keeps the columns and indexes that earlier services know (contract section 7) and adds ours. Positions need
/// neither a lock nor a sequence (docs/adr/0006): an event's position is
///
///   base + (number of the storing transaction << 20) + index in that transaction
///
/// so that positions grow with transaction numbers, and a reader that stops at the oldest running transaction (xmin of
/// its snapshot) never sees a smaller position appear later. `eventbus_log`, one row, holds the base and how far the
/// events of an earlier service are numbered; those stand below `first_base`.
namespace eventbus::postgres_store {

/// Bits of a position for the index in its transaction.
inline constexpr int index_bits = 20;
inline constexpr std::size_t most_events_of_a_transaction = std::size_t{1} << index_bits;
/// Positions below are for events that an earlier service stored.
inline constexpr Position first_base = Position{1} << 40;

/// The steps of component "store" for postgres::migrate.
std::vector<std::string_view> event_schema();

struct IndexDefinition {
  std::string_view name;
  bool unique;
  std::string_view definition;  ///< What follows ON.
};
/// Every index of `events` but that of the primary key. A new table gets them at once, one that is taken over later.
const std::vector<IndexDefinition>& event_indexes();
/// The first ones of them are for taking over and for all that goes on meanwhile; while nothing is numbered they are
/// small or quickly made.
inline constexpr std::size_t indexes_before_numbering = 2;
/// For payload conditions; see PostgresStoreSettings::index_payloads.
const IndexDefinition& payload_index();

/// A database that was restored into another cluster counts transactions anew: positions go on above those it holds.
/// Whether this one is, and what is done then.
inline constexpr std::string_view other_cluster_sql =
    "EXISTS (SELECT FROM eventbus_log l, pg_control_system() c WHERE l.system_identifier <> c.system_identifier)";
inline constexpr std::string_view follow_cluster_sql =
    "UPDATE eventbus_log SET base = greatest(base, (SELECT coalesce(max(position), 0) + 1 FROM events)), "
    "system_identifier = cluster.system_identifier FROM pg_control_system() cluster "
    "WHERE eventbus_log.system_identifier <> cluster.system_identifier";

/// SQL for the position that the current transaction's first event gets. `l` is eventbus_log.
inline constexpr std::string_view first_position_sql = "l.base + (txid_current() << 20)";
/// SQL for the first position that may still be stored by a running transaction: readers of the log stop before it.
inline constexpr std::string_view horizon_sql = "l.base + (txid_snapshot_xmin(txid_current_snapshot()) << 20)";
/// SQL for where a reader behind the position in parameter `after` must stop: as above, and while the events of an
/// earlier service are numbered, who has not passed those waits for the next of them.
inline std::string reader_horizon_sql(std::string_view after) {
  return "CASE WHEN l.complete OR " + std::string(after) + " >= " + std::to_string(first_base - 1) + " THEN " +
         std::string(horizon_sql) + " ELSE l.taken_over + 1 END";
}
/// SQL for the first position that a transaction which has not begun yet may store.
inline constexpr std::string_view beyond_sql = "l.base + (txid_snapshot_xmax(txid_current_snapshot()) << 20)";
/// SQL for the last position of the log, or while the events of an earlier service are numbered, of those that they
/// get.
inline const std::string& last_sql() {
  static const std::string sql = "greatest((SELECT max(position) FROM events), CASE WHEN l.complete THEN 0 ELSE " +
                                 std::to_string(first_base - 1) + " END)";
  return sql;
}

}  // namespace eventbus::postgres_store
