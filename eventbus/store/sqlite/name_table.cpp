#include "eventbus/store/sqlite/name_table.hpp"

#include <algorithm>

namespace eventbus {
namespace {

constexpr std::size_t most_known_names = 10'000;

}  // namespace

NameTable::NameTable(std::string_view table)
    : largest_("SELECT max(id) FROM " + std::string(table)),
      insert_("INSERT OR IGNORE INTO " + std::string(table) + " (name) VALUES (?1)"),
      select_("SELECT id FROM " + std::string(table) + " WHERE name = ?1") {}

void NameTable::begin(sqlite::Connection& connection) {
  const auto largest = connection.query_integer(largest_);
  if (largest < largest_known_) known_.clear();
  largest_known_ = largest;
}

std::int64_t NameTable::number_of(sqlite::Connection& connection, std::string_view name) {
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  connection.prepare(insert_).bind(1, name).run();
  auto row = connection.prepare(select_);
  row.bind(1, name).step();
  const auto number = row.integer(0);
  largest_known_ = std::max(largest_known_, number);
  if (known_.size() >= most_known_names) known_.clear();
  known_.emplace(name, number);
  return number;
}

}  // namespace eventbus
