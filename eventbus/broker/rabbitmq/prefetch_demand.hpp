#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace eventbus::rabbitmq {

/// How many messages of a queue one instance holds at most that nobody has: what its consumers ask for at a time,
/// twice, so that the next are there when they come again; and no more than some bytes, so `least` while no size is
/// known. What more it held, others would miss. A plain class; time is an argument.
class PrefetchDemand {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::uint16_t least = 32;
  static constexpr std::chrono::seconds memory{5};  ///< Who asked before does not count any more.
  static constexpr std::size_t most_bytes = std::size_t{32} << 20U;

  explicit PrefetchDemand(std::uint16_t most) : most_(most) {}

  /// Somebody asks for so many events, until `end`.
  void begin(std::size_t events, Time now);
  void end(std::size_t events) { asked_ -= events; }
  /// A message came.
  void weigh(std::size_t bytes);
  /// From 1 to `most`.
  std::uint16_t wanted(Time now);

 private:
  void advance(Time now);

  std::uint16_t most_;
  std::size_t asked_ = 0;   ///< By all who ask now.
  std::size_t peak_ = 0;    ///< The most that was asked since `since_`,
  std::size_t former_ = 0;  ///< and in the time before.
  Time since_{};
  double mean_bytes_ = 0;
};

}  // namespace eventbus::rabbitmq
