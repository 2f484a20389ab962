#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace eventbus::postgres {

/// Names of one connection's prepared statements by their SQL, least recently used last. A plain class.
class StatementCache {
 public:
  explicit StatementCache(std::size_t capacity) : capacity_(capacity) {}

  /// The name under which `sql` is prepared; none when it isn't.
  std::optional<std::string> find(const std::string& sql);
  /// A new name for `sql`, which is about to be prepared.
  std::string add(const std::string& sql);
  /// Forgets `sql`: preparing it failed.
  void erase(const std::string& sql);
  /// While there are more than `capacity`: the least recently used name, which the caller deallocates.
  std::optional<std::string> evict();
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string sql;
    std::string name;
  };
  std::size_t capacity_;
  std::uint64_t made_ = 0;
  std::list<Entry> entries_;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_sql_;
};

}  // namespace eventbus::postgres
