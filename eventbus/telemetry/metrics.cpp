#include "eventbus/telemetry/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <unordered_map>

#include "eventbus/telemetry/process_metrics.hpp"

namespace eventbus {
namespace {

struct NativeCounter final : Counter {
  explicit NativeCounter(prometheus::Counter& wrapped) : native(wrapped) {}
  void add(double amount) override { native.Increment(amount); }
  prometheus::Counter& native;
};

struct NativeGauge final : Gauge {
  explicit NativeGauge(prometheus::Gauge& wrapped) : native(wrapped) {}
  void set(double value) override { native.Set(value); }
  void add(double amount) override { native.Increment(amount); }
  prometheus::Gauge& native;
};

struct NativeHistogram final : Histogram {
  explicit NativeHistogram(prometheus::Histogram& wrapped) : native(wrapped) {}
  void observe(double value) override { native.Observe(value); }
  prometheus::Histogram& native;
};

constexpr std::string_view shared_value = "other";

/// The values of one label.
struct LabelValues {
  /// False for one more than there is room for.
  bool admit(std::string_view value, std::size_t cap) {
    if (value == shared_value || reserved.contains(value) || seen.contains(value)) return true;
    if (seen.size() >= cap) return false;
    seen.emplace(value);
    return true;
  }
  std::string name;
  std::set<std::string, std::less<>> reserved = {};
  std::set<std::string, std::less<>> seen = {};
};

template <class Metric, class Wrapper, class Native, class... Arguments>
class CappedFamily final : public Family<Metric> {
 public:
  CappedFamily(prometheus::Family<Native>& family, std::vector<std::string> labels, std::size_t cap,
               Arguments... arguments)
      : family_(family), cap_(cap), arguments_(std::move(arguments)...) {
    for (auto& label : labels) labels_.push_back({.name = std::move(label)});
  }

  Metric& with(std::initializer_list<std::string_view> values) override {
    std::string key;
    for (const auto value : values) key.append(value).push_back('\x1f');
    const std::scoped_lock lock(mutex_);
    if (auto known = by_values_.find(key); known != by_values_.end()) return *known->second->second;
    return add(key, values);
  }

  void reserve(std::string_view label, std::initializer_list<std::string_view> values) override {
    const std::scoped_lock lock(mutex_);
    values_of(label).reserved.insert(values.begin(), values.end());
  }

  void end(std::string_view label, std::string_view value) override {
    const std::scoped_lock lock(mutex_);
    auto& values = values_of(label);
    const auto place = values.seen.find(value);
    if (place == values.seen.end()) return;
    values.seen.erase(place);
    const auto ended = [&](const auto& member) { return member.first.at(values.name) == value; };
    std::erase_if(by_values_, [&](const auto& known) { return ended(*known.second); });
    std::erase_if(members_, [&](const auto& member) {
      if (ended(member)) family_.Remove(&member.second->native);
      return ended(member);
    });
  }

  void clear() override {
    const std::scoped_lock lock(mutex_);
    by_values_.clear();
    for (auto& [labels, member] : members_) family_.Remove(&member->native);
    members_.clear();
    for (auto& values : labels_) values.seen.clear();
  }

 private:
  using Members = std::map<prometheus::Labels, std::unique_ptr<Wrapper>>;

  LabelValues& values_of(std::string_view label) {
    const auto found = std::ranges::find(labels_, label, &LabelValues::name);
    assert(found != labels_.end());
    return *found;
  }

  Metric& add(const std::string& key, std::initializer_list<std::string_view> values) {
    prometheus::Labels labels;
    bool capped = false;
    std::size_t index = 0;
    for (const auto value : values) {
      auto& label = labels_.at(index++);
      const bool room = label.admit(value, cap_);
      capped = capped || !room;
      labels.emplace(label.name, room ? value : shared_value);
    }
    const auto member = members_.try_emplace(labels).first;
    if (!member->second) {
      member->second = std::apply(
          [&](const auto&... arguments) { return std::make_unique<Wrapper>(family_.Add(labels, arguments...)); },
          arguments_);
    }
    if (!capped) by_values_.emplace(key, member);
    return *member->second;
  }

  prometheus::Family<Native>& family_;
  std::vector<LabelValues> labels_;
  std::size_t cap_;
  std::mutex mutex_;
  Members members_;
  std::unordered_map<std::string, typename Members::iterator> by_values_;
  std::tuple<Arguments...> arguments_;
};

using NativeCounters = CappedFamily<Counter, NativeCounter, prometheus::Counter>;
using NativeGauges = CappedFamily<Gauge, NativeGauge, prometheus::Gauge>;
using NativeHistograms =
    CappedFamily<Histogram, NativeHistogram, prometheus::Histogram, prometheus::Histogram::BucketBoundaries>;

}  // namespace

std::vector<double> duration_buckets() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

struct MetricRegistry::Impl {
  template <class Made, class Make>
  Made& once(std::map<std::string, std::unique_ptr<Made>>& known, const std::string& name, Make make) {
    const std::scoped_lock lock(mutex);
    auto& made = known[name];
    if (!made) made = make();
    return *made;
  }

  std::size_t label_cap = 0;
  std::mutex mutex;
  prometheus::Registry registry;
  std::map<std::string, std::unique_ptr<CounterFamily>> counters;
  std::map<std::string, std::unique_ptr<GaugeFamily>> gauges;
  std::map<std::string, std::unique_ptr<HistogramFamily>> histograms;
  std::vector<std::function<void()>> refreshers;
};

MetricRegistry::MetricRegistry(std::size_t label_cap) : impl_(std::make_unique<Impl>()) {
  impl_->label_cap = label_cap;
  register_process_metrics(*this);
}
MetricRegistry::~MetricRegistry() = default;

CounterFamily& MetricRegistry::counters(std::string name, std::string help, std::vector<std::string> labels) {
  auto make = [&]() -> std::unique_ptr<CounterFamily> {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
    return std::make_unique<NativeCounters>(family, std::move(labels), impl_->label_cap);
  };
  return impl_->once(impl_->counters, name, make);
}

GaugeFamily& MetricRegistry::gauges(std::string name, std::string help, std::vector<std::string> labels) {
  auto make = [&]() -> std::unique_ptr<GaugeFamily> {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
    return std::make_unique<NativeGauges>(family, std::move(labels), impl_->label_cap);
  };
  return impl_->once(impl_->gauges, name, make);
}

HistogramFamily& MetricRegistry::histograms(std::string name, std::string help, std::vector<std::string> labels,
                                            std::vector<double> buckets) {
  auto make = [&]() -> std::unique_ptr<HistogramFamily> {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
    return std::make_unique<NativeHistograms>(family, std::move(labels), impl_->label_cap, std::move(buckets));
  };
  return impl_->once(impl_->histograms, name, make);
}

Counter& MetricRegistry::counter(std::string name, std::string help) {
  return counters(std::move(name), std::move(help), {}).with({});
}
Gauge& MetricRegistry::gauge(std::string name, std::string help) {
  return gauges(std::move(name), std::move(help), {}).with({});
}
Histogram& MetricRegistry::histogram(std::string name, std::string help, std::vector<double> buckets) {
  return histograms(std::move(name), std::move(help), {}, std::move(buckets)).with({});
}

void MetricRegistry::before_scrape(std::function<void()> refresh) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->refreshers.push_back(std::move(refresh));
}

std::string MetricRegistry::serialize() {
  for (const auto& refresh : impl_->refreshers) refresh();
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return std::move(out).str();
}

}  // namespace eventbus
