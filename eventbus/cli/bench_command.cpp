#include <fmt/format.h>

#include <ostream>

#include "eventbus/cli/bench/load.hpp"
#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/console/progress.hpp"
#include "eventbus/cli/console/table.hpp"
#include "eventbus/client/targets.hpp"
#include "eventbus/core/uuid.hpp"

namespace eventbus::cli {
namespace {

struct BenchOptions {
  std::int64_t events = 100000;
  std::int64_t connections = 16;
  std::int64_t batch = 1;
  std::int64_t consumers = 0;
  std::int64_t prefetch = 500;
  std::int64_t bytes = 300;
  double rate = 0;
  double patience = 10;
  bool ordered = false;
  bool keep = false;
  bool no_check = false;
};

LoadSettings settings_of(const Session& session, const BenchOptions& options) {
  const auto server = session.server();
  const auto id = make_uuid_v7();
  LoadSettings settings{.host = server.host,
                        .port = server.port,
                        .base_path = server.base_path,
                        .authority = server.authority(),
                        .run = id,
                        .queue = "bench-" + id};
  settings.events = static_cast<std::uint64_t>(options.events);
  settings.connections = static_cast<std::uint32_t>(std::min(options.connections, options.events));
  settings.batch = static_cast<std::uint64_t>(options.batch);
  settings.rate = options.rate;
  settings.event_bytes = static_cast<std::size_t>(options.bytes);
  settings.consumers = static_cast<std::uint32_t>(options.consumers);
  settings.prefetch = static_cast<std::uint64_t>(options.prefetch);
  settings.ordered = options.ordered;
  settings.read_back = options.consumers == 0 && !options.no_check;
  settings.patience = std::chrono::milliseconds(static_cast<std::int64_t>(options.patience * 1000));
  return settings;
}

void declare_queue(Api& api, const LoadSettings& settings) {
  const auto binding = "[" + JsonWriter().text("routing_key", "bench." + settings.run).done() + "]";
  api.put(queue_target(settings.queue),
          JsonWriter().raw("bindings", binding).raw("ordered", settings.ordered ? "true" : "false").done());
}

double rate_of(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string latency_row(std::string_view name, const Latencies::Summary& latency) {
  return fmt::format("{:<22} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f}\n", name, latency.mean_ms, latency.p50_ms,
                     latency.p95_ms, latency.p99_ms, latency.max_ms);
}

/// Whether it was looked for every event.
bool checked(const LoadSettings& settings, const LoadReport& report) {
  return settings.consumers > 0 || (settings.read_back && !report.interrupted);
}

bool sound(const LoadSettings& settings, const LoadReport& report) {
  return (!checked(settings, report) || report.totals.lost == 0) && report.totals.out_of_order == 0;
}

void print_ledger(const Session& session, const LoadSettings& settings, const LoadReport& report) {
  auto& out = session.console.out;
  const auto& totals = report.totals;
  const auto line = [&](std::string_view name, std::uint64_t count, bool bad = false) {
    out << fmt::format("  {:<14} {:>14}\n", name,
                       session.console.paint(bad && count > 0 ? Style::red : Style::plain, grouped(count)));
  };
  out << session.console.paint(Style::bold, "Ledger") << "\n";
  line("published", totals.published);
  line("acknowledged", totals.acknowledged);
  line("refused", totals.refused, true);
  line("unanswered", totals.unanswered, true);
  if (settings.read_back) line("read back", totals.read_back);
  if (settings.consumers > 0) line("delivered", totals.delivered);
  if (!checked(settings, report)) return;
  line("lost", totals.lost, true);
  if (settings.consumers == 0) return;
  line("duplicated", totals.duplicated);
  line("out of order", totals.out_of_order, true);
}

void print_report(const Session& session, const LoadSettings& settings, const LoadReport& report) {
  auto& out = session.console.out;
  const auto& totals = report.totals;
  out << session.console.paint(Style::bold, "Throughput") << "\n";
  out << fmt::format("  published  {:>12}/s   {} events in {:.2f} s, {} requests, {} sent again\n",
                     grouped(static_cast<std::uint64_t>(rate_of(totals.acknowledged, report.publish_seconds))),
                     grouped(totals.acknowledged), report.publish_seconds, grouped(report.requests),
                     grouped(report.retries));
  if (settings.consumers > 0) {
    out << fmt::format("  delivered  {:>12}/s   {} events in {:.2f} s\n",
                       grouped(static_cast<std::uint64_t>(rate_of(totals.delivered, report.consume_seconds))),
                       grouped(totals.delivered), report.consume_seconds);
  }
  out << session.console.paint(Style::bold, "Latency (ms)")
      << "               mean       p50       p95       p99       max\n";
  out << latency_row(settings.batch > 1 ? "  publish, a batch" : "  publish", report.publish);
  if (settings.consumers > 0) out << latency_row("  publish to delivery", report.delivery);
  print_ledger(session, settings, report);
  for (const auto& [why, count] : report.refusals)
    out << fmt::format("  refused with {}: {}\n", printable(why), grouped(count));
}

std::string latency_json(const Latencies::Summary& latency) {
  return fmt::format(
      R"({{"count":{},"mean_ms":{:.3f},"p50_ms":{:.3f},"p95_ms":{:.3f},"p99_ms":{:.3f},"max_ms":{:.3f}}})",
      latency.count, latency.mean_ms, latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms);
}

std::string ledger_json(const Ledger::Totals& totals, bool checked) {
  JsonWriter json;
  const auto count = [&](std::string_view key, std::uint64_t value) { json.raw(key, std::to_string(value)); };
  count("published", totals.published);
  count("acknowledged", totals.acknowledged);
  count("refused", totals.refused);
  count("unanswered", totals.unanswered);
  count("read_back", totals.read_back);
  count("delivered", totals.delivered);
  json.raw("lost", checked ? std::to_string(totals.lost) : "null");
  count("duplicated", totals.duplicated);
  count("out_of_order", totals.out_of_order);
  return json.done();
}

void print_json(const Session& session, const LoadSettings& settings, const LoadReport& report) {
  JsonWriter json;
  json.text("run", settings.run).raw("ok", sound(settings, report) ? "true" : "false");
  json.raw("published_per_second", fmt::format("{:.1f}", rate_of(report.totals.acknowledged, report.publish_seconds)));
  json.raw("delivered_per_second", fmt::format("{:.1f}", rate_of(report.totals.delivered, report.consume_seconds)));
  json.raw("publish_seconds", fmt::format("{:.3f}", report.publish_seconds));
  json.raw("consume_seconds", fmt::format("{:.3f}", report.consume_seconds));
  json.number("requests", static_cast<std::int64_t>(report.requests))
      .number("retries", static_cast<std::int64_t>(report.retries));
  json.raw("publish_latency", latency_json(report.publish)).raw("delivery_latency", latency_json(report.delivery));
  json.raw("ledger", ledger_json(report.totals, checked(settings, report)));
  session.console.out << json.done() << "\n";
}

LoadReport measure(const Session& session, const LoadSettings& settings) {
  Progress publishing(session.console, settings.consumers > 0 ? "events delivered" : "events stored");
  Progress reading(session.console, "events read back");
  return run_load(settings, [&](const LoadProgress& now) {
    const auto moved = settings.consumers > 0 ? now.delivered : now.acknowledged;
    const auto done = now.read_back > 0 ? now.read_back : moved;
    auto& progress = now.read_back > 0 ? reading : publishing;
    progress.show(done, static_cast<double>(done) / static_cast<double>(settings.events));
  });
}

ExitCode bench(const Session& session, const BenchOptions& options) {
  const auto settings = settings_of(session, options);
  Api api(session);
  api.get("/health");
  if (settings.consumers > 0) declare_queue(api, settings);
  const auto report = measure(session, settings);
  if (session.json) {
    print_json(session, settings, report);
  } else {
    print_report(session, settings, report);
  }
  session.console.out.flush();
  if (settings.consumers > 0 && !options.keep && sound(settings, report))
    Api(session).remove(queue_target(settings.queue));
  if (!sound(settings, report)) {
    session.console.err << "the ledger does not balance";
    if (settings.consumers > 0) session.console.err << "; the queue " << settings.queue << " was kept";
    session.console.err << "\n";
    return ExitCode::failed;
  }
  if (report.interrupted) return ExitCode::interrupted;
  return report.totals.refused + report.totals.unanswered == 0 ? ExitCode::ok : ExitCode::refused;
}

}  // namespace

Command bench_command(Session& session) {
  auto options = std::make_shared<BenchOptions>();
  auto& o = *options;
  return {
      .name = "bench",
      .summary = "load the server and check that nothing is lost, duplicated or out of order",
      .details =
          "Publishes numbered events, consumes them from a queue of its own when there are consumers, and keeps a "
          "ledger: what\n"
          "was acknowledged must be delivered, each producer's events in order; without consumers it must be found in "
          "the store. What was refused for want of room, or "
          "not\n"
          "answered because the server was away, is sent again with the same ids. Exit status 1 when an acknowledged "
          "event is\n"
          "lost or one is out of order. The events stay in the store, their type is bench.event: use a data directory "
          "that may go.",
      .options = {{"-n,--events", "N", "how many events", &o.events, false, {}, 1, 1000000000},
                  {"-c,--connections",
                   "N",
                   "publishing connections, one request at a time on each",
                   &o.connections,
                   false,
                   {},
                   1,
                   10000},
                  {"-b,--batch", "N", "events a request; more than 1 as NDJSON", &o.batch, false, {}, 1, 100000},
                  {"-r,--rate", "N", "events a second over all connections; 0: as fast as answers come", &o.rate},
                  {"--consumers", "N", "consuming connections", &o.consumers, false, {}, 0, 10000},
                  {"--prefetch",
                   "N",
                   "deliveries a consumer receives and acknowledges at a time",
                   &o.prefetch,
                   false,
                   {},
                   1,
                   1000},
                  {"--ordered", "", "an ordered queue; each connection publishes under a key of its own", &o.ordered},
                  {"--bytes", "N", "size of an event", &o.bytes, false, {}, 1, 1 << 20},
                  {"--patience",
                   "SECONDS",
                   "how long the server may be away, or deliveries may stay out",
                   &o.patience,
                   false,
                   {},
                   1,
                   3600},
                  {"--keep", "", "keep the queue", &o.keep},
                  {"--no-check", "", "without consumers: don't read the events back from the store", &o.no_check}},
      .examples = {{"eventbus bench", "100,000 single events over 16 connections"},
                   {"eventbus bench --events 1000000 --batch 1000 --connections 4", "in batches"},
                   {"eventbus bench --rate 1000 --events 30000 --consumers 2", "latency from publish to delivery"},
                   {"eventbus bench --consumers 4 --ordered --json", "order of each key, for a script"}},
      .run = [&session, options] { return bench(session, *options); }};
}

}  // namespace eventbus::cli
