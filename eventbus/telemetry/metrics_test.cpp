#include "eventbus/telemetry/metrics.hpp"

#include <gmock/gmock.h>

namespace eventbus {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MetricRegistry, SerializesCountersGaugesAndHistograms) {
  MetricRegistry registry;
  registry.counter("things_total", "Things.").add(2);
  registry.gauge("level", "Level.").set(1.5);
  registry.histogram("size", "Size.", {1, 2}).observe(1.5);
  const auto text = registry.serialize();
  EXPECT_THAT(text, HasSubstr("# TYPE things_total counter\nthings_total 2"));
  EXPECT_THAT(text, HasSubstr("level 1.5"));
  EXPECT_THAT(text, HasSubstr("size_bucket{le=\"2\"} 1"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes"));
}

TEST(MetricRegistry, TheSameNameIsTheSameMetric) {
  MetricRegistry registry;
  EXPECT_EQ(&registry.counter("a_total", "A."), &registry.counter("a_total", "A."));
}

TEST(MetricRegistry, LabelValuesPastTheCapCountUnderOther) {
  MetricRegistry registry(2);
  auto& family = registry.counters("events_total", "Events.", {"type", "queue"});
  family.with({"a", "q"}).add();
  family.with({"b", "q"}).add();
  family.with({"c", "q"}).add();
  family.with({"d", "q"}).add();
  family.with({"a", "q"}).add();
  const auto text = registry.serialize();
  EXPECT_THAT(text, HasSubstr("events_total{queue=\"q\",type=\"a\"} 2"));
  EXPECT_THAT(text, HasSubstr("events_total{queue=\"q\",type=\"other\"} 2"));
  EXPECT_THAT(text, Not(HasSubstr("type=\"c\"")));
}

TEST(MetricRegistry, ValuesOfTheServicesOwnKeepTheirNames) {
  MetricRegistry registry(2);
  auto& family = registry.counters("dead_total", "Dead.", {"queue", "reason"});
  family.reserve("reason", {"expired", "rejected"});
  for (const auto* reason : {"a", "b", "c", "d", "expired", "rejected"}) family.with({"q", reason}).add();
  const auto text = registry.serialize();
  EXPECT_THAT(text, HasSubstr("dead_total{queue=\"q\",reason=\"b\"} 1"));
  EXPECT_THAT(text, HasSubstr("dead_total{queue=\"q\",reason=\"expired\"} 1"));
  EXPECT_THAT(text, HasSubstr("dead_total{queue=\"q\",reason=\"rejected\"} 1"));
  EXPECT_THAT(text, HasSubstr("dead_total{queue=\"q\",reason=\"other\"} 2"));
}

TEST(MetricRegistry, AGaugePastTheCapIsTheSum) {
  MetricRegistry registry(1);
  auto& family = registry.gauges("depth", "Depth.", {"queue"});
  family.with({"a"}).add(1);
  family.with({"b"}).add(20);
  family.with({"c"}).add(300);
  EXPECT_THAT(registry.serialize(), HasSubstr("depth{queue=\"other\"} 320"));
}

TEST(MetricRegistry, EndedSeriesAreGoneAndFreeTheirPlace) {
  MetricRegistry registry(2);
  auto& family = registry.counters("acks_total", "Acks.", {"queue", "type"});
  for (const auto* queue : {"a", "b", "c"}) {
    family.with({queue, "t"}).add();
    family.with({queue, "u"}).add();
  }
  family.end("queue", "a");
  family.end("queue", "other");
  family.end("queue", "never there");
  family.with({"d", "t"}).add();
  family.with({"e", "t"}).add();
  auto text = registry.serialize();
  EXPECT_THAT(text, Not(HasSubstr("queue=\"a\"")));
  EXPECT_THAT(text, HasSubstr("acks_total{queue=\"d\",type=\"t\"} 1"));
  EXPECT_THAT(text, HasSubstr("acks_total{queue=\"other\",type=\"t\"} 2"));
  family.end("queue", "b");
  family.with({"a", "t"}).add();
  EXPECT_THAT(registry.serialize(), HasSubstr("acks_total{queue=\"a\",type=\"t\"} 1")) << "begins anew";
}

TEST(MetricRegistry, ClearedGaugesAreGone) {
  MetricRegistry registry;
  auto& family = registry.gauges("depth", "Depth.", {"queue"});
  family.with({"old"}).set(3);
  family.clear();
  family.with({"new"}).set(4);
  const auto text = registry.serialize();
  EXPECT_THAT(text, HasSubstr("depth{queue=\"new\"} 4"));
  EXPECT_THAT(text, Not(HasSubstr("old")));
}

TEST(MetricRegistry, RefreshesBeforeEachScrape) {
  MetricRegistry registry;
  auto& gauge = registry.gauge("scrapes", "Scrapes.");
  registry.before_scrape([&gauge] { gauge.add(1); });
  registry.serialize();
  EXPECT_THAT(registry.serialize(), HasSubstr("scrapes 2"));
}

}  // namespace
}  // namespace eventbus
