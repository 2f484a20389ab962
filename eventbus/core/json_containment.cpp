#include <algorithm>

#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/json.hpp"
#include "eventbus/core/json_scan.hpp"
#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

constexpr std::size_t most_containers_in_arrays = 100;

bool is_scalar(JsonKind kind) {
  return kind != JsonKind::array && kind != JsonKind::object;
}

/// A scalar in a form that is equal exactly when the values are; the kind shows in its first character.
std::string normal_scalar(JsonKind kind, std::string_view value) {
  return kind == JsonKind::number ? normal_number(value) : std::string(value);
}

/// A part of the condition, prepared for look-up.
struct Node {
  JsonKind kind = JsonKind::null;
  std::string scalar;                ///< `normal_scalar`, of a scalar.
  std::vector<std::string> keys;     ///< Of an object, sorted; of the same places as `nodes`.
  std::vector<std::string> scalars;  ///< Scalar elements of an array, sorted, each once.
  std::vector<Node> nodes;           ///< Members of an object, or an array's elements that are objects or arrays.
};

Node make_node(std::string_view value);

void add_members(Node& node, std::string_view object) {
  std::vector<std::pair<std::string_view, std::string_view>> members;
  for (JsonScanner scanner(object); scanner.next();) members.emplace_back(scanner.key(), scanner.value());
  std::ranges::sort(members);
  for (const auto& [key, value] : members) {
    node.keys.emplace_back(key);
    node.nodes.push_back(make_node(value));
  }
}

void add_elements(Node& node, std::string_view array) {
  for (JsonScanner scanner(array); scanner.next();) {
    const JsonKind kind = kind_of(scanner.value());
    if (is_scalar(kind)) {
      node.scalars.push_back(normal_scalar(kind, scanner.value()));
    } else {
      node.nodes.push_back(make_node(scanner.value()));
    }
  }
  std::ranges::sort(node.scalars);
  const auto repeated = std::ranges::unique(node.scalars);
  node.scalars.erase(repeated.begin(), repeated.end());
}

Node make_node(std::string_view value) {
  Node node;
  node.kind = kind_of(value);
  if (node.kind == JsonKind::object) {
    add_members(node, value);
  } else if (node.kind == JsonKind::array) {
    add_elements(node, value);
  } else {
    node.scalar = normal_scalar(node.kind, value);
  }
  return node;
}

std::size_t containers_in_arrays(const Node& node) {
  std::size_t count = node.kind == JsonKind::array ? node.nodes.size() : 0;
  for (const Node& inner : node.nodes) count += containers_in_arrays(inner);
  return count;
}

bool contains(std::string_view value, const Node& wanted);

bool object_contains(std::string_view object, const Node& wanted) {
  std::size_t missing = wanted.keys.size();
  for (JsonScanner scanner(object); missing > 0 && scanner.next();) {
    const auto key = std::ranges::lower_bound(wanted.keys, scanner.key());
    if (key == wanted.keys.end() || *key != scanner.key()) continue;
    if (!contains(scanner.value(), wanted.nodes[static_cast<std::size_t>(key - wanted.keys.begin())])) return false;
    --missing;
  }
  return missing == 0;
}

/// Which elements of a wanted array have been found so far.
class ArraySearch {
 public:
  explicit ArraySearch(const Node& wanted)
      : wanted_(wanted),
        scalars_(wanted.scalars.size()),
        nodes_(wanted.nodes.size()),
        missing_(scalars_.size() + nodes_.size()) {}

  bool complete() const { return missing_ == 0; }

  void see(std::string_view element) {
    const JsonKind kind = kind_of(element);
    if (!is_scalar(kind)) return see_container(element);
    if (wanted_.scalars.empty()) return;
    const std::string scalar = normal_scalar(kind, element);
    const auto found = std::ranges::lower_bound(wanted_.scalars, scalar);
    if (found != wanted_.scalars.end() && *found == scalar)
      mark(scalars_, static_cast<std::size_t>(found - wanted_.scalars.begin()));
  }

 private:
  void see_container(std::string_view element) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i] && contains(element, wanted_.nodes[i])) mark(nodes_, i);
    }
  }

  void mark(std::vector<bool>& found, std::size_t index) {
    if (!found[index]) --missing_;
    found[index] = true;
  }

  const Node& wanted_;
  std::vector<bool> scalars_;
  std::vector<bool> nodes_;
  std::size_t missing_;
};

bool contains(std::string_view value, const Node& wanted) {
  if (kind_of(value) != wanted.kind) return false;
  if (wanted.kind == JsonKind::object) return object_contains(value, wanted);
  if (wanted.kind != JsonKind::array) return normal_scalar(wanted.kind, value) == wanted.scalar;
  ArraySearch search(wanted);
  for (JsonScanner scanner(value); !search.complete() && scanner.next();) search.see(scanner.value());
  return search.complete();
}

}  // namespace

struct JsonContainment::Condition {
  std::string text;
  Node root;
};

Result<JsonContainment> JsonContainment::parse(std::string_view condition) {
  CanonicalJson document;
  if (auto parsed = document.parse(condition); !parsed) return std::unexpected(std::move(parsed.error()));
  if (document.kind() != JsonKind::object) return fail(ErrorCode::invalid, "The condition must be a JSON object.");
  auto made = std::make_shared<Condition>(std::string(document.text()), make_node(document.text()));
  if (containers_in_arrays(made->root) > most_containers_in_arrays) {
    return fail(ErrorCode::invalid, "The condition has more than 100 objects or arrays inside arrays.");
  }
  return JsonContainment(std::move(made));
}

bool JsonContainment::contained_in(std::string_view canonical) const {
  return contains(canonical, condition_->root);
}

const std::string& JsonContainment::text() const {
  return condition_->text;
}

}  // namespace eventbus
