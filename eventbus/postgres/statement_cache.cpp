#include "eventbus/postgres/statement_cache.hpp"

namespace eventbus::postgres {

std::optional<std::string> StatementCache::find(const std::string& sql) {
  const auto found = by_sql_.find(sql);
  if (found == by_sql_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->name;
}

std::string StatementCache::add(const std::string& sql) {
  entries_.push_front({sql, "eventbus_" + std::to_string(++made_)});
  by_sql_.emplace(entries_.front().sql, entries_.begin());
  return entries_.front().name;
}

void StatementCache::erase(const std::string& sql) {
  const auto found = by_sql_.find(sql);
  if (found == by_sql_.end()) return;
  const auto entry = found->second;
  by_sql_.erase(found);
  entries_.erase(entry);
}

std::optional<std::string> StatementCache::evict() {
  if (entries_.size() <= capacity_) return std::nullopt;
  auto name = std::move(entries_.back().name);
  by_sql_.erase(entries_.back().sql);
  entries_.pop_back();
  return name;
}

}  // namespace eventbus::postgres
