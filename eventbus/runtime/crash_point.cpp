#include "eventbus/runtime/crash_point.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace eventbus {
namespace {

struct ArmedPoint {
  std::string name;
  std::atomic<long> passes_left{1};
  bool throws = false;
};

ArmedPoint* armed_point() {
  static ArmedPoint* const point = []() -> ArmedPoint* {
    const char* spec = std::getenv("EVENTBUS_CRASH_POINT");
    if (spec == nullptr || *spec == '\0') return nullptr;
    static ArmedPoint armed;
    armed.name = spec;
    armed.throws = armed.name.ends_with(":throw");
    if (auto colon = armed.name.find(':'); colon != std::string::npos) {
      armed.passes_left = std::strtol(armed.name.c_str() + colon + 1, nullptr, 10);
      armed.name.resize(colon);
    }
    return &armed;
  }();
  return point;
}

}  // namespace

void crash_point(std::string_view name) {
  auto* point = armed_point();
  if (point == nullptr || point->name != name) return;
  if (point->passes_left.fetch_sub(1) != 1) return;
  if (point->throws) throw std::logic_error("asked for at " + point->name);
  std::raise(SIGKILL);
}

}  // namespace eventbus
