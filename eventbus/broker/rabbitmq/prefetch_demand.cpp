#include "eventbus/broker/rabbitmq/prefetch_demand.hpp"

#include <algorithm>

namespace eventbus::rabbitmq {
namespace {

constexpr double weight_of_one = 1.0 / 32;

}  // namespace

void PrefetchDemand::begin(std::size_t events, Time now) {
  advance(now);
  asked_ += events;
  peak_ = std::max(peak_, asked_);
}

void PrefetchDemand::weigh(std::size_t bytes) {
  const auto size = static_cast<double>(bytes);
  mean_bytes_ = mean_bytes_ == 0 ? size : mean_bytes_ + (size - mean_bytes_) * weight_of_one;
}

void PrefetchDemand::advance(Time now) {
  if (now - since_ < memory) return;
  former_ = now - since_ < 2 * memory ? peak_ : asked_;
  peak_ = asked_;
  since_ = now;
}

std::uint16_t PrefetchDemand::wanted(Time now) {
  advance(now);
  const auto fit = mean_bytes_ == 0 ? least : static_cast<double>(most_bytes) / mean_bytes_;
  const auto most = std::max<std::size_t>(1, static_cast<std::size_t>(std::min<double>(fit, most_)));
  const auto asked = std::min<std::size_t>(std::max(peak_, former_), most_);
  return static_cast<std::uint16_t>(std::clamp<std::size_t>(2 * asked, std::min<std::size_t>(least, most), most));
}

}  // namespace eventbus::rabbitmq
