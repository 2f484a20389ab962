#pragma once

#include <set>
#include <string>

namespace eventbus::rabbitmq {

/// Holds a name in a set while it lives; false when it was there already.
class OneAtATime {
 public:
  OneAtATime(std::set<std::string>& names, const std::string& name) : names_(names) {
    const auto [place, added] = names_.insert(name);
    if (added) place_ = place;
  }
  ~OneAtATime() {
    if (*this) names_.erase(place_);
  }
  OneAtATime(const OneAtATime&) = delete;
  OneAtATime& operator=(const OneAtATime&) = delete;
  explicit operator bool() const { return place_ != names_.end(); }

 private:
  std::set<std::string>& names_;
  std::set<std::string>::iterator place_ = names_.end();
};

}  // namespace eventbus::rabbitmq
