// What GET /queues/{queue} shows can be PUT again. The first line is the name.
#include "eventbus/core/queue.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace eventbus;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const std::string_view name = fuzz::next_line(rest);
  const auto definition = parse_queue_definition(name, rest);
  if (!definition) return 0;
  std::string shown;
  append_queue_definition(shown, *definition);
  const auto again = parse_queue_definition(name, shown);
  require(again.has_value(), "a shown definition parses");
  require(*again == *definition, "a shown definition parses to the same definition");
  return 0;
}
