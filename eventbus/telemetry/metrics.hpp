#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eventbus {

/// Upper bounds in seconds for durations, 100 µs to 10 s.
std::vector<double> duration_buckets();

/// A count that only grows. Thread-safe, lock-free.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1) = 0;
};

/// A value that goes up and down. Thread-safe.
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
  virtual void add(double amount) = 0;
};

/// A distribution. Thread-safe.
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

/// Metrics of one name told apart by label values. `with` takes the values in the order of the label names and returns
/// a metric that lives as long as the registry, or until `end` or `clear`. Each label holds at most `cap` different
/// values; further ones count under "other". A gauge that several values may share there is cleared and added to rather
/// than set, so that it is their sum. Thread-safe; `with` costs a hash look-up.
template <class Metric>
class Family {
 public:
  virtual ~Family() = default;
  virtual Metric& with(std::initializer_list<std::string_view> values) = 0;
  /// Values of `label` that the service gives itself: they keep their names, whatever else took the places.
  virtual void reserve(std::string_view label, std::initializer_list<std::string_view> values) = 0;
  /// Ends the series with this value of `label` and frees its place; "other" stays, being shared. Metrics of them got
  /// before are invalid afterwards.
  virtual void end(std::string_view label, std::string_view value) = 0;
  /// Forgets every label combination. Metrics got before are invalid afterwards.
  virtual void clear() = 0;
};

using CounterFamily = Family<Counter>;
using GaugeFamily = Family<Gauge>;
using HistogramFamily = Family<Histogram>;

/// All metrics of a process and their Prometheus text. Asking again for a name returns the same metric. Thread-safe.
class MetricRegistry {
 public:
  explicit MetricRegistry(std::size_t label_cap = 200);
  ~MetricRegistry();
  MetricRegistry(const MetricRegistry&) = delete;
  MetricRegistry& operator=(const MetricRegistry&) = delete;

  Counter& counter(std::string name, std::string help);
  Gauge& gauge(std::string name, std::string help);
  Histogram& histogram(std::string name, std::string help, std::vector<double> buckets = duration_buckets());
  CounterFamily& counters(std::string name, std::string help, std::vector<std::string> labels);
  GaugeFamily& gauges(std::string name, std::string help, std::vector<std::string> labels);
  HistogramFamily& histograms(std::string name, std::string help, std::vector<std::string> labels,
                              std::vector<double> buckets = duration_buckets());

  /// `refresh` runs before each `serialize`, on its thread: for gauges that are read rather than kept.
  void before_scrape(std::function<void()> refresh);

  /// Prometheus text format 0.0.4, process metrics (process_cpu_seconds_total, process_resident_memory_bytes,
  /// process_open_fds, process_max_fds, process_start_time_seconds) included.
  std::string serialize();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace eventbus
