#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eventbus/http/route.hpp"

namespace eventbus {

/// All operations on one path.
struct PathEntry {
  std::string_view pattern;
  std::string_view prefix;          ///< Literal text before the parameter; the whole path when there is none.
  std::string_view parameter = {};  ///< Its name; empty: none.
  std::string_view suffix = {};     ///< Literal text behind the parameter.
  bool rest = false;                ///< The parameter takes slashes too.
  std::vector<std::size_t> routes = {};
  std::string allow = {};  ///< Value of the Allow header.
};

/// Finds the operation of a request. Literal paths win over those with a parameter. Immutable, looks up without
/// allocating.
class Router {
 public:
  explicit Router(std::vector<Route> routes);

  struct Match {
    const PathEntry* entry = nullptr;  ///< Null: no such path.
    const Route* route = nullptr;      ///< Null: not with this method. HEAD finds GET.
    std::string_view parameter;        ///< Raw text of the path parameter.
  };
  Match find(http::verb method, std::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }
  const std::vector<PathEntry>& paths() const { return paths_; }
  std::size_t index_of(const Route& route) const { return static_cast<std::size_t>(&route - routes_.data()); }

 private:
  PathEntry& entry_of(std::string_view pattern);
  const Route* route_of(const PathEntry& entry, http::verb method) const;

  std::vector<Route> routes_;
  std::vector<PathEntry> paths_;
};

/// Every method that some route answers, for `OPTIONS *`.
std::string allowed_methods(const Router& router);

}  // namespace eventbus
