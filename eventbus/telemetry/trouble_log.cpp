#include "eventbus/telemetry/trouble_log.hpp"

#include <utility>

namespace eventbus {

LogLevel TroubleLog::level(std::string_view text, Time now) {
  const auto known = told_.find(text);
  if (known != told_.end() && now < known->second + quiet) return LogLevel::debug;
  if (known == told_.end() && told_.size() >= most_texts) told_.clear();
  told_.insert_or_assign(std::string(text), now);
  return LogLevel::warning;
}

bool TroubleLog::over() {
  return !std::exchange(told_, {}).empty();
}

}  // namespace eventbus
