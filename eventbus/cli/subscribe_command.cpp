#include <fmt/format.h>

#include <exception>
#include <mutex>
#include <ostream>
#include <thread>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/event_view.hpp"
#include "eventbus/cli/handler_process.hpp"
#include "eventbus/cli/reconnect.hpp"
#include "eventbus/cli/stop_signals.hpp"
#include "eventbus/client/targets.hpp"

namespace eventbus::cli {
namespace {

constexpr std::int64_t poll_ms = 20000;
constexpr std::int64_t printed_at_a_time = 100;

struct SubscribeOptions {
  std::string queue;
  std::string exec;
  std::int64_t concurrency = 1;
  std::optional<std::int64_t> max;
  bool ack = false;
  bool no_ack = false;
  bool until_empty = false;
};

/// Hands out the right to take deliveries, so that all workers together take no more than --max.
class Quota {
 public:
  explicit Quota(std::optional<std::int64_t> max) : left_(max.value_or(std::numeric_limits<std::int64_t>::max())) {}
  std::int64_t take(std::int64_t wanted) {
    const std::lock_guard lock(mutex_);
    const auto taken = std::min(wanted, left_);
    left_ -= taken;
    return taken;
  }
  void give_back(std::int64_t unused) {
    const std::lock_guard lock(mutex_);
    left_ += unused;
  }

 private:
  std::mutex mutex_;
  std::int64_t left_;
};

/// Consumes one queue until told to stop. A delivery at hand is finished and answered first; one that arrives too late
/// goes back by itself, since the server sees the connection close.
class Subscription {
 public:
  Subscription(const Session& session, const SubscribeOptions& options)
      : session_(session), options_(options), target_(queue_target(options.queue)), quota_(options.max) {
    const JsonObject queue(Api(session).get(target_));
    lease_ = std::chrono::milliseconds(queue.number("lease_ms"));
    const auto workers = options.exec.empty() ? 1 : options.concurrency;
    for (std::int64_t at = 0; at < workers; ++at)
      receivers_.push_back(std::make_unique<HttpClient>(session.server(), timeout));
  }

  ExitCode run() {
    StopSignals signals([this] { stop(); });
    std::vector<std::thread> threads;
    threads.reserve(receivers_.size());
    for (auto& receiver : receivers_) threads.emplace_back([this, &receiver] { guard(*receiver); });
    for (auto& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
    if (!options_.exec.empty()) {
      session_.console.err << fmt::format("{} events handled, {} failed\n", grouped(acked_), grouped(nacked_));
    }
    return ExitCode::ok;
  }

 private:
  static constexpr std::chrono::seconds timeout{40};

  void stop() {
    stopping_ = true;
    reconnect_.stop();
    for (auto& receiver : receivers_) receiver->interrupt();
  }

  void guard(HttpClient& receiver) {
    try {
      work(receiver);
    } catch (const Interrupted&) {
      stopping_ = true;
    } catch (const std::exception&) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stop();
    }
  }

  void work(HttpClient& receiver) {
    Api settling(session_);
    const auto batch = options_.exec.empty() ? printed_at_a_time : 1;
    while (!stopping_) {
      const auto wanted = quota_.take(batch);
      if (wanted == 0) return;
      const auto deliveries = receive(receiver, wanted);
      if (!deliveries) return;
      quota_.give_back(wanted - static_cast<std::int64_t>(deliveries->size()));
      if (deliveries->empty() && options_.until_empty) return;
      if (options_.exec.empty()) {
        print(settling, *deliveries);
      } else {
        for (const auto& delivery : *deliveries) handle(settling, delivery);
      }
    }
  }

  /// None when it is time to end.
  std::optional<std::vector<JsonObject>> receive(HttpClient& receiver, std::int64_t wanted) {
    const auto body = JsonWriter().number("max", wanted).number("wait_ms", options_.until_empty ? 0 : poll_ms).done();
    do {
      try {
        const auto answer = receiver.send({.method = "POST", .target = target_ + "/receive", .body = body});
        if (answer.ok()) {
          reconnect_.reached();
          return JsonObject(answer.body).objects("deliveries");
        }
        if (answer.status != 429 && answer.status != 503) expect_success(answer);
        tell_lost("the server is busy or draining");
      } catch (const Unreachable& error) {
        tell_lost(error.what());
      }
    } while (reconnect_.wait());
    return std::nullopt;
  }

  void tell_lost(std::string_view why) {
    if (!reconnect_.first_failure()) return;
    const std::lock_guard lock(mutex_);
    session_.console.err << why << "; trying again\n" << std::flush;
  }

  void print(Api& settling, const std::vector<JsonObject>& deliveries) {
    std::vector<std::string> ids;
    for (const auto& delivery : deliveries) {
      const auto attempt = delivery.number("attempt");
      const auto note = attempt > 1 ? fmt::format("attempt {}", attempt) : std::string();
      session_.console.out << (session_.json ? text_of(delivery)
                                             : event_line(session_.console, delivery.object("event"), note))
                           << '\n';
      ids.push_back(delivery.text("delivery_id"));
    }
    session_.console.out.flush();
    if (!options_.no_ack && !ids.empty()) settle(settling, "/ack", JsonWriter().texts("delivery_ids", ids).done());
  }

  static std::string text_of(const JsonObject& delivery) {
    JsonWriter text;
    for (const auto& [key, kind, value] : delivery.members()) {
      if (kind == JsonKind::string) {
        text.text(key, value);
      } else {
        text.raw(key, value);
      }
    }
    return text.done();
  }

  HandlerRun handler_of(const JsonObject& delivery, const JsonObject& event) const {
    return {.command = options_.exec,
            .input = delivery.text("event") + "\n",
            .environment = {{"EVENTBUS_URL", session_.url},
                            {"EVENTBUS_QUEUE", options_.queue},
                            {"EVENTBUS_DELIVERY_ID", delivery.text("delivery_id")},
                            {"EVENTBUS_ATTEMPT", delivery.text("attempt")},
                            {"EVENTBUS_EVENT_ID", event.text("event_id")},
                            {"EVENTBUS_EVENT_TYPE", event.text("event_type")},
                            {"EVENTBUS_TIMESTAMP", event.text("timestamp")},
                            {"EVENTBUS_ORDERING_KEY", event.text("ordering_key")},
                            {"EVENTBUS_CORRELATION_ID", event.text("correlation_id")}}};
  }

  void handle(Api& settling, const JsonObject& delivery) {
    const auto event = delivery.object("event");
    const std::vector<std::string> ids{delivery.text("delivery_id")};
    const auto extend = [&] {
      settle(settling, "/extend", JsonWriter().texts("delivery_ids", ids).number("lease_ms", lease_.count()).done());
    };
    const int status =
        run_handler(handler_of(delivery, event), std::max(lease_ / 3, std::chrono::milliseconds(10)), extend);
    JsonWriter answer;
    answer.texts("delivery_ids", ids);
    if (status == 0) {
      ++acked_;
    } else {
      ++nacked_;
      answer.text("reason", fmt::format("exit status {}", status));
      const std::lock_guard lock(mutex_);
      session_.console.err << fmt::format("{}: attempt {} failed: exit status {}\n", printable(event.text("event_id")),
                                          delivery.text("attempt"), status)
                           << std::flush;
    }
    if (!options_.no_ack) settle(settling, status == 0 ? "/ack" : "/nack", answer.done());
  }

  /// An unanswered delivery is only delivered again, so a server that is away now is no reason to end.
  void settle(Api& settling, std::string_view action, const std::string& body) {
    try {
      const JsonObject answer(settling.post(target_ + std::string(action), body));
      const auto late = answer.texts("unknown").size();
      if (late == 0) return;
      const std::lock_guard lock(mutex_);
      session_.console.err << fmt::format("{} deliveries were answered too late (lease {} ms); they come again\n", late,
                                          lease_.count());
    } catch (const Unreachable& error) {
      tell_lost(error.what());
    }
  }

  const Session& session_;
  const SubscribeOptions& options_;
  std::string target_;
  Quota quota_;
  std::chrono::milliseconds lease_{};
  std::vector<std::unique_ptr<HttpClient>> receivers_;
  Reconnect reconnect_;
  std::mutex mutex_;
  std::exception_ptr failure_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> acked_ = 0;
  std::atomic<std::uint64_t> nacked_ = 0;
};

ExitCode subscribe(const Session& session, const SubscribeOptions& options) {
  if (options.ack && options.no_ack) throw CommandFailed(ExitCode::usage, "give either --ack or --no-ack");
  if (options.no_ack && !options.exec.empty()) {
    throw CommandFailed(ExitCode::usage, "--no-ack and --exec exclude each other: the exit status is the answer");
  }
  return Subscription(session, options).run();
}

}  // namespace

Command subscribe_command(Session& session) {
  auto options = std::make_shared<SubscribeOptions>();
  auto& o = *options;
  return {
      .name = "subscribe",
      .summary = "consume a queue: print its events, or run a command for each",
      .details =
          "Printed events are acknowledged once they are written; with --json each line is a delivery.\n"
          "With --exec, CMD runs in a shell for each event: the event as JSON on its standard input, and "
          "EVENTBUS_EVENT_ID,\n"
          "EVENTBUS_EVENT_TYPE, EVENTBUS_TIMESTAMP, EVENTBUS_ORDERING_KEY, EVENTBUS_CORRELATION_ID, EVENTBUS_QUEUE,\n"
          "EVENTBUS_ATTEMPT, EVENTBUS_DELIVERY_ID and EVENTBUS_URL in its environment. Exit status 0 acknowledges; any "
          "other\n"
          "fails the attempt: the event is retried, and becomes a dead letter with the reason \"exit status N\" in the "
          "end.\n"
          "While CMD runs its lease is extended. Ctrl-C finishes what is running, then ends.",
      .options = {{"QUEUE", "", "the queue", &o.queue, true},
                  {"-e,--exec", "CMD", "run this for each event; its exit status acks or nacks", &o.exec},
                  {"-c,--concurrency", "N", "how many handlers at a time", &o.concurrency, false, {}, 1, 64},
                  {"-n,--max", "N", "stop after so many deliveries", &o.max, false, {}, 1},
                  {"--until-empty", "", "stop when nothing is ready", &o.until_empty},
                  {"--ack", "", "acknowledge what was printed (default)", &o.ack},
                  {"--no-ack", "", "don't: the events come again when their lease ends, and count as failed attempts",
                   &o.no_ack}},
      .examples = {{"eventbus subscribe mailer", "print and acknowledge"},
                   {"eventbus subscribe mailer --exec './send-mail.sh' --concurrency 4", "a handler for each event"},
                   {"eventbus subscribe audit --until-empty --json > deliveries.ndjson", "all there is, then stop"}},
      .run = [&session, options] { return subscribe(session, *options); }};
}

}  // namespace eventbus::cli
