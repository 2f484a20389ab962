#include <fmt/format.h>

#include <ostream>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/event_view.hpp"
#include "eventbus/cli/reconnect.hpp"
#include "eventbus/cli/stop_signals.hpp"
#include "eventbus/client/text_stream.hpp"

namespace eventbus::cli {
namespace {

/// The server breaks its silence every 15 s by default.
constexpr std::chrono::seconds longest_silence{90};
constexpr int too_many_requests = 429;
constexpr int unavailable = 503;

struct TailOptions {
  std::string pattern;
  std::string from = "now";
  std::optional<std::int64_t> max;
};

/// Follows the stream over any number of connections; the last id makes them one.
class Tail {
 public:
  Tail(const Session& session, const TailOptions& options)
      : session_(session), options_(options), http_(session.server(), longest_silence), signals_([this] { stop(); }) {}

  ExitCode run() {
    do {
      if (const auto ended = follow()) return *ended;
    } while (reconnect_.wait());
    return ExitCode::ok;
  }

 private:
  void stop() {
    reconnect_.stop();
    http_.interrupt();
  }

  HttpRequest request() const {
    HttpRequest request{
        .target = Target("/events/stream").with("event_type", options_.pattern).with("from", options_.from).text()};
    if (!last_id_.empty()) request.headers = {{"Last-Event-ID", last_id_}};
    return request;
  }

  /// One connection; a value when there is nothing more to follow.
  std::optional<ExitCode> follow() {
    try {
      EventStreamParser parser;
      const auto show_event = [this](const ServerSentEvent& event) { return show(event); };
      const auto answer = http_.stream(request(), [&](std::string_view part) {
        begun();
        const bool more = parser.feed(part, show_event);
        session_.console.out.flush();
        return more;
      });
      if (done_) return ExitCode::ok;
      if (!answer.ok() && !(reached_once_ && (answer.status == unavailable || answer.status == too_many_requests)))
        expect_success(answer);
      lost("the server closed the stream");
    } catch (const Interrupted&) {
      return ExitCode::ok;
    } catch (const Unreachable& error) {
      if (!reached_once_) throw;
      lost(error.what());
    }
    return std::nullopt;
  }

  void begun() {
    if (reconnect_failed_) session_.console.err << "connected again\n";
    reconnect_failed_ = false;
    reached_once_ = true;
    reconnect_.reached();
  }

  void lost(std::string_view why) {
    if (!reconnect_.first_failure()) return;
    reconnect_failed_ = true;
    session_.console.err << why << "; reconnecting, no event will be missed\n" << std::flush;
  }

  bool show(const ServerSentEvent& event) {
    last_id_ = event.id;
    auto& out = session_.console.out;
    out << (session_.json ? event.data : event_line(session_.console, JsonObject(event.data))) << '\n';
    done_ = options_.max && ++shown_ >= *options_.max;
    return !done_;
  }

  const Session& session_;
  const TailOptions& options_;
  HttpClient http_;
  Reconnect reconnect_;
  std::string last_id_;
  std::int64_t shown_ = 0;
  bool done_ = false;
  bool reached_once_ = false;
  bool reconnect_failed_ = false;
  StopSignals signals_;
};

}  // namespace

Command tail_command(Session& session) {
  auto options = std::make_shared<TailOptions>();
  return {.name = "tail",
          .summary = "print events as they are stored",
          .details =
              "Goes on after a lost connection without missing an event. Ends with Ctrl-C. It reads the log, not a "
              "queue: nothing\n"
              "is consumed. With --json it prints one JSON event a line.",
          .options = {{"PATTERN", "", "event type; * stands for one word, # for any number", &options->pattern},
                      {"--from", "WHERE", "now, beginning, a cursor, or a time (RFC 3339)", &options->from},
                      {"-n,--max", "N", "stop after so many events", &options->max, false, {}, 1}},
          .examples = {{"eventbus tail", "everything from now on"},
                       {"eventbus tail 'git.*.merge' --from beginning", "stored events first, then live ones"},
                       {"eventbus tail --json | jq .payload", "for other programs"}},
          .run = [&session, options] { return Tail(session, *options).run(); }};
}

}  // namespace eventbus::cli
