#include "eventbus/http/router.hpp"

#include <algorithm>
#include <set>

namespace eventbus {
namespace {

PathEntry split_pattern(std::string_view pattern) {
  PathEntry entry{.pattern = pattern, .prefix = pattern};
  const auto open = pattern.find('{');
  if (open == std::string_view::npos) return entry;
  const auto close = pattern.find('}', open);
  entry.prefix = pattern.substr(0, open);
  entry.parameter = pattern.substr(open + 1, close - open - 1);
  entry.suffix = pattern.substr(close + 1);
  entry.rest = entry.parameter.ends_with("...");
  if (entry.rest) entry.parameter.remove_suffix(3);
  return entry;
}

std::optional<std::string_view> match(const PathEntry& entry, std::string_view path) {
  if (entry.parameter.empty()) return path == entry.prefix ? std::optional(std::string_view()) : std::nullopt;
  if (path.size() <= entry.prefix.size() + entry.suffix.size()) return std::nullopt;
  if (!path.starts_with(entry.prefix) || !path.ends_with(entry.suffix)) return std::nullopt;
  const auto value = path.substr(entry.prefix.size(), path.size() - entry.prefix.size() - entry.suffix.size());
  if (!entry.rest && value.find('/') != std::string_view::npos) return std::nullopt;
  return value;
}

void add_methods(std::set<std::string_view>& methods, const Route& route) {
  methods.insert(http::to_string(route.method));
  if (route.method == http::verb::get) methods.insert("HEAD");
}

std::string join(const std::set<std::string_view>& methods) {
  std::string joined;
  for (const auto method : methods) joined.append(joined.empty() ? "" : ", ").append(method);
  return joined;
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (std::size_t i = 0; i < routes_.size(); ++i) entry_of(routes_[i].path).routes.push_back(i);
  std::ranges::stable_partition(paths_, [](const PathEntry& entry) { return entry.parameter.empty(); });
  for (auto& entry : paths_) {
    std::set<std::string_view> methods{"OPTIONS"};
    for (const auto index : entry.routes) add_methods(methods, routes_[index]);
    entry.allow = join(methods);
  }
}

PathEntry& Router::entry_of(std::string_view pattern) {
  const auto found = std::ranges::find(paths_, pattern, &PathEntry::pattern);
  return found == paths_.end() ? paths_.emplace_back(split_pattern(pattern)) : *found;
}

Router::Match Router::find(http::verb method, std::string_view path) const {
  for (const auto& entry : paths_) {
    if (const auto parameter = match(entry, path)) return {&entry, route_of(entry, method), *parameter};
  }
  return {};
}

const Route* Router::route_of(const PathEntry& entry, http::verb method) const {
  if (method == http::verb::head) method = http::verb::get;
  for (const auto index : entry.routes) {
    if (routes_[index].method == method) return &routes_[index];
  }
  return nullptr;
}

std::string allowed_methods(const Router& router) {
  std::set<std::string_view> methods{"OPTIONS"};
  for (const auto& route : router.routes()) add_methods(methods, route);
  return join(methods);
}

}  // namespace eventbus
