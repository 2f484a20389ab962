#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "eventbus/cli/commands.hpp"
#include "eventbus/cli/embedded_engine.hpp"
#include "eventbus/cli/listen_address.hpp"
#include "eventbus/cli/production_engine.hpp"
#include "eventbus/cli/service.hpp"
#include "eventbus/cli/setting_options.hpp"
#include "eventbus/cli/version.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::cli {
namespace {

constexpr std::string_view default_database = "postgresql://postgres:postgres@localhost:5432/events";
constexpr std::string_view default_broker = "amqp://guest:guest@localhost:5672/";
constexpr std::chrono::seconds longest_pause{30};
// A server that is back is used again within it.
constexpr std::chrono::seconds longest_reconnect_pause{4};

struct ServeOptions {
  SettingOptions settings;
  std::string address_file;
};

std::chrono::milliseconds milliseconds(const Configuration& configuration, std::string_view variable) {
  return std::chrono::milliseconds(configuration.count(variable));
}

std::size_t size(const Configuration& configuration, std::string_view variable) {
  return static_cast<std::size_t>(configuration.count(variable));
}

std::chrono::milliseconds seconds(const Configuration& configuration, std::string_view variable) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(configuration.seconds(variable) * 1000));
}

postgres::ConnectionSettings database(const Configuration& configuration, std::string_view variable) {
  const auto& given = configuration.text(variable);
  auto settings = postgres::ConnectionSettings::parse(given.empty() ? default_database : given, variable);
  if (!settings) throw CommandFailed(ExitCode::usage, settings.error().detail);
  settings->connect_timeout = seconds(configuration, "CONNECTION_TIMEOUT");
  return std::move(*settings);
}

RabbitMqSettings rabbitmq(const Configuration& configuration) {
  const auto& given = configuration.text("RABBITMQ_URL");
  auto url = amqp::AmqpUrl::parse(given.empty() ? default_broker : given);
  if (!url) throw CommandFailed(ExitCode::usage, url.error().detail);
  RabbitMqSettings settings;
  settings.connection.url = std::move(*url);
  settings.connection.timeout = seconds(configuration, "CONNECTION_TIMEOUT");
  settings.connection.reconnect = {.delay = seconds(configuration, "RETRY_DELAY"),
                                   .max_delay = longest_reconnect_pause};
  for (const auto queue : words_of(configuration.text("EVENTBUS_INGEST_QUEUE")))
    settings.ingest_queues.emplace_back(queue);
  settings.max_event_bytes = size(configuration, "EVENTBUS_MAX_EVENT_BYTES");
  settings.connection.max_body_bytes = 2 * size(configuration, "EVENTBUS_MAX_EVENT_BYTES");
  return settings;
}

ProductionSettings production(const Configuration& configuration) {
  ProductionSettings settings{
      .database = database(configuration, "DATABASE_URL"),
      .replica = std::nullopt,
      .pool = {.min = size(configuration, "POOL_MIN_SIZE"), .max = size(configuration, "POOL_MAX_SIZE")},
      .rabbitmq = rabbitmq(configuration),
      .connecting = {.max_retries = static_cast<std::uint32_t>(configuration.count("MAX_RETRIES")),
                     .delay = seconds(configuration, "RETRY_DELAY"),
                     .max_delay = longest_pause},
      .ready_when_accepting = configuration.text("EVENTBUS_READY_WHEN") == "accepting",
      .index_payloads = configuration.text("EVENTBUS_PAYLOAD_INDEX") == "true"};
  if (!configuration.text("DATABASE_REPLICA_URL").empty())
    settings.replica = database(configuration, "DATABASE_REPLICA_URL");
  return settings;
}

std::unique_ptr<Engine> make_engine(asio::io_context& loop, const Configuration& configuration) {
  if (configuration.production()) return std::make_unique<ProductionEngine>(loop, production(configuration));
  return std::make_unique<EmbeddedEngine>(loop, std::filesystem::absolute(configuration.text("EVENTBUS_DATA_DIR")));
}

ServiceSettings settings_of(const Configuration& configuration, const ListenAddress& listen) {
  ServiceSettings settings;
  settings.drain = seconds(configuration, "EVENTBUS_DRAIN_SECONDS");
  settings.publisher.published_when_stored = !configuration.production();
  // Transactions side by side may commit in any order, which would be that of the deliveries.
  if (configuration.production()) settings.publisher.groups_in_flight = 1;
  settings.publisher.group_limit = size(configuration, "BATCH_SIZE");
  settings.publisher.max_in_flight = size(configuration, "EVENTBUS_MAX_WAITING_EVENTS");
  auto& http = settings.http;
  http.address = listen.address;
  http.port = listen.port;
  http.source = configuration.text("EVENTBUS_SOURCE");
  http.max_event_bytes = size(configuration, "EVENTBUS_MAX_EVENT_BYTES");
  http.max_batch_bytes = size(configuration, "EVENTBUS_MAX_BATCH_BYTES");
  http.max_connections = size(configuration, "EVENTBUS_MAX_CONNECTIONS");
  http.max_in_flight = size(configuration, "EVENTBUS_MAX_IN_FLIGHT");
  http.header_timeout = milliseconds(configuration, "EVENTBUS_HEADER_TIMEOUT_MS");
  http.body_timeout = milliseconds(configuration, "EVENTBUS_BODY_TIMEOUT_MS");
  http.idle_timeout = milliseconds(configuration, "EVENTBUS_IDLE_TIMEOUT_MS");
  http.write_timeout = milliseconds(configuration, "EVENTBUS_WRITE_TIMEOUT_MS");
  http.heartbeat = milliseconds(configuration, "EVENTBUS_HEARTBEAT_MS");
  return settings;
}

void set_up_logging(const Configuration& configuration, const Console& console) {
  const auto& format = configuration.text("LOG_FORMAT");
  const bool json = format == "json" || (format == "auto" && !console.err_is_terminal);
  configure_logging(*parse_log_level(configuration.text("LOG_LEVEL")), json ? LogFormat::json : LogFormat::text,
                    console.err_colour && !json);
}

/// One descriptor a connection; the soft limit is usually 1024.
void raise_descriptor_limit(const Configuration& configuration) {
  constexpr rlim_t for_files = 64;
  const auto wanted = static_cast<rlim_t>(configuration.count("EVENTBUS_MAX_CONNECTIONS")) + for_files;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(wanted, limit.rlim_max));
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur + for_files < wanted) {
    log_warning("fewer connections than EVENTBUS_MAX_CONNECTIONS fit; raise the hard limit of open files (ulimit -Hn)",
                {{"open_files", static_cast<std::int64_t>(limit.rlim_cur)}});
  }
}

void write_address_file(const std::string& path, const std::string& address) {
  const auto unfinished = path + ".new";
  std::ofstream file(unfinished);
  file << address << '\n';
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(unfinished, path, error);
  if (!file || error)
    throw CommandFailed(ExitCode::failed,
                        "can't write --address-file " + path + "; is its directory there and writable?");
}

class Serve {
 public:
  Serve(const Configuration& configuration, std::string address_file)
      : listen_(*parse_listen_address(configuration.text("EVENTBUS_LISTEN"))),
        settings_(settings_of(configuration, listen_)),
        address_file_(std::move(address_file)),
        signals_(loop_, SIGINT, SIGTERM),
        engine_(make_engine(loop_, configuration)),
        service_(loop_, *engine_, settings_) {}

  ExitCode run() {
    await_signal();
    std::exception_ptr failure;
    asio::co_spawn(loop_, serve(), [&failure, this](std::exception_ptr error) {
      failure = std::move(error);
      signals_.cancel();
    });
    run_loop();
    if (failure) std::rethrow_exception(failure);
    log_info("stopped", {});
    return ExitCode::ok;
  }

 private:
  /// After a fault of the program nothing in memory can be relied on, so nothing is finished: what counts is on disk.
  void run_loop() {
    try {
      loop_.run();
    } catch (const std::exception& fault) {
      log(LogLevel::critical,
          "a fault of this program: it ends at once, start it again to go on from what is stored (nothing that was "
          "acknowledged is lost); report this line if it comes again",
          {{"error", std::string_view(fault.what())}});
      _exit(static_cast<int>(ExitCode::failed));
    }
  }

  void await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      if (asked_to_stop_) {
        log_warning("a second signal: stopping at once; what was acknowledged is on disk", {});
        _exit(static_cast<int>(ExitCode::interrupted));
      }
      asked_to_stop_ = true;
      const auto drain = std::chrono::duration<double>(settings_.drain).count();
      log_info("stopping: requests in flight are finished first; a second signal stops at once",
               {{"signal", std::string_view(number == SIGINT ? "SIGINT" : "SIGTERM")}, {"drain_seconds", drain}});
      service_.stop();
      await_signal();
    });
  }

  asio::awaitable<void> serve() {
    co_await service_.start();
    listen_.port = service_.port();
    if (!address_file_.empty()) write_address_file(address_file_, listen_.text());
    announce();
    co_await service_.run();
  }

  std::string url() const {
    auto reachable = listen_;
    if (listen_.address == "0.0.0.0") reachable.address = "127.0.0.1";
    if (listen_.address == "::") reachable.address = "::1";
    return "http://" + reachable.text();
  }

  void announce() {
    engine_->announce();
    if (!listen_.loopback()) {
      log_warning(
          "listening beyond this machine without API keys: whoever reaches the port may publish, read and delete",
          {{"listen", std::string_view(listen_.text())}});
    }
    const auto docs = url() + "/docs";
    const auto metrics = url() + "/metrics";
    log_info("serving " + url(), {{"docs", std::string_view(docs)}, {"metrics", std::string_view(metrics)}});
    const auto option = url() == "http://127.0.0.1:8000" ? std::string() : " --url " + url();
    if (engine_->store().head() == 0)
      log_info("publish a first event with: eventbus publish --type hello.world" + option, {});
  }

  asio::io_context loop_{1};
  ListenAddress listen_;
  ServiceSettings settings_;
  std::string address_file_;
  asio::signal_set signals_;
  std::unique_ptr<Engine> engine_;
  Service service_;
  bool asked_to_stop_ = false;
};

ExitCode serve(const Session& session, const ServeOptions& options) {
  const auto configuration = options.settings.resolve();
  set_up_logging(configuration, session.console);
  log_info(fmt::format("eventbus {} starts", version()),
           {{"engine", std::string_view(configuration.production() ? "production" : "embedded")}});
  for (const auto& warning : configuration.warnings()) log_warning(warning, {});
  raise_descriptor_limit(configuration);
  return Serve(configuration, options.address_file).run();
}

}  // namespace

Command serve_command(Session& session) {
  auto options = std::make_shared<ServeOptions>();
  auto all = options->settings.options();
  all.push_back(
      {"--address-file", "FILE", "write the address listened on to this file once it serves", &options->address_file});
  return {
      .name = "serve",
      .summary = "run the server",
      .details =
          "Settings come from the command line, else the environment, else --config, else their default. SIGTERM and "
          "Ctrl-C\n"
          "finish what is in flight; a second one stops at once. Nothing that was acknowledged is lost either way.",
      .options = std::move(all),
      .examples = {{"eventbus serve", "on 127.0.0.1:8000 with ./eventbus-data"},
                   {"eventbus serve --listen 0.0.0.0:9000 --data-dir /var/lib/eventbus", "elsewhere"},
                   {"DATABASE_URL=postgresql://app@db/events RABBITMQ_URL=amqp://app@mq/ eventbus serve",
                    "on PostgreSQL and RabbitMQ"},
                   {"LOG_LEVEL=DEBUG eventbus serve --config /etc/eventbus.toml", "from a file and the environment"}},
      .run = [&session, options] { return serve(session, *options); }};
}

}  // namespace eventbus::cli
