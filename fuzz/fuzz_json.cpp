// Canonical text is a fixed point, equals itself and contains itself.
#include "eventbus/core/canonical_json.hpp"
#include "eventbus/core/json.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace eventbus;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  CanonicalJson first;
  if (!first.parse(fuzz::next_line(rest))) return 0;
  CanonicalJson again;
  require(again.parse(first.text()).has_value(), "canonical text parses");
  require(again.text() == first.text() && again.kind() == first.kind(), "canonical text is a fixed point");
  require(json_equal(first.text(), again.text()), "a value equals itself");
  if (const auto condition = JsonContainment::parse(first.text()))
    require(condition->contained_in(first.text()), "a value contains itself");

  CanonicalJson second;
  if (!second.parse(rest)) return 0;
  const bool equal = json_equal(first.text(), second.text());
  require(equal == json_equal(second.text(), first.text()), "equality has no direction");
  const auto one = JsonContainment::parse(first.text());
  const auto other = JsonContainment::parse(second.text());
  if (equal && one && other) {
    require(one->contained_in(second.text()) && other->contained_in(first.text()), "equal values contain each other");
  }
  return 0;
}
