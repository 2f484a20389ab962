#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventbus/core/error.hpp"

namespace eventbus {

/// Appends `text` (valid UTF-8) as a JSON string with quotes. Only '"', '\\' and control characters are escaped.
void append_json_string(std::string& out, std::string_view text);

/// One member of a JSON object, split without losing a digit: `value` is canonical text of its value.
enum class JsonKind : unsigned char { null, boolean, number, string, array, object };
struct JsonMember {
  std::string key;
  JsonKind kind;
  std::string value;  ///< Canonical JSON text; for a string the decoded text.
};

/// Parses one JSON object into its members in order, of a repeated key only the last. Canonical text: no insignificant
/// white space, repeated keys removed at every level, numbers digit for digit, strings minimally escaped. Refuses
/// invalid UTF-8, NUL, lone surrogates and nesting deeper than 128 (counting the outermost object as 1) as `invalid`,
/// all other faults as `malformed_json` with line and column (both from 1). `invalid` for a document that is no object.
Result<std::vector<JsonMember>> parse_json_object(std::string_view json);

/// The same for an array, split into canonical texts of its elements.
Result<std::vector<std::pair<JsonKind, std::string>>> parse_json_array(std::string_view json);

/// Whether two canonical texts are the same JSON value: object members in any order, numbers by value (1 = 1.0 =
/// 10e-1).
bool json_equal(std::string_view a, std::string_view b);

/// A JSON condition: the containment of PostgreSQL's `@>`. Objects contain when every key does, arrays when each
/// element of the condition is contained in some element, scalars when equal. Parse once, test many canonical texts.
/// Cheap to copy; safe to test from several threads.
class JsonContainment {
 public:
  /// `condition` must be a JSON object; errors as `parse_json_object`, and `invalid` for more than 100 objects or
  /// arrays inside arrays: each of them is compared with every element of the tested array.
  static Result<JsonContainment> parse(std::string_view condition);

  /// Time: proportional to the text, per nesting level of the condition and per object or array inside its arrays.
  bool contained_in(std::string_view canonical) const;

  /// The condition as canonical text.
  const std::string& text() const;

 private:
  struct Condition;
  explicit JsonContainment(std::shared_ptr<const Condition> condition) : condition_(std::move(condition)) {}
  std::shared_ptr<const Condition> condition_;
};

}  // namespace eventbus
