/// The peer of E2 and E3: NATS JetStream through its C client, file storage.
///   jetstream_load publish|consume PORT COUNT     prints one JSON object
#include <fmt/format.h>
#include <nats/nats.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* stream_name = "BENCH";
constexpr const char* subject = "bench.order.paid";

void check(natsStatus status, std::string_view what) {
  if (status != NATS_OK) throw std::runtime_error(fmt::format("{}: {}", what, natsStatus_GetText(status)));
}

struct Session {
  natsConnection* connection = nullptr;
  jsCtx* jetstream = nullptr;

  explicit Session(const std::string& port) {
    check(natsConnection_ConnectTo(&connection, ("nats://127.0.0.1:" + port).c_str()), "connect");
    jsOptions options;
    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = 4096;
    options.PublishAsync.StallWait = 10000;
    check(natsConnection_JetStream(&jetstream, connection, &options), "JetStream");
  }
  ~Session() {
    jsCtx_Destroy(jetstream);
    natsConnection_Destroy(connection);
    nats_Close();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

void make_stream(Session& session) {
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  const char* subjects[] = {"bench.>"};
  config.Name = stream_name;
  config.Subjects = subjects;
  config.SubjectsLen = 1;
  config.Storage = js_FileStorage;
  jsStreamInfo* info = nullptr;
  check(js_AddStream(&info, session.jetstream, &config, nullptr, nullptr), "add stream");
  jsStreamInfo_Destroy(info);
}

void publish(Session& session, std::size_t count) {
  make_stream(session);
  for (std::size_t n = 0; n < count; ++n) {
    auto text = fmt::format(R"({{"event_type":"bench.order.paid","payload":{{"n":{},"text":")", n);
    while (text.size() < 297) text += "lorem ipsum "[text.size() % 12];
    text += "\"}}";
    check(js_PublishAsync(session.jetstream, subject, text.data(), static_cast<int>(text.size()), nullptr), "publish");
  }
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.MaxWait = 60000;
  check(js_PublishAsyncComplete(session.jetstream, &options), "publish complete");
}

void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  natsMsg_Ack(message, nullptr);
  natsMsg_Destroy(message);
  auto& left = *static_cast<std::atomic<std::size_t>*>(closure);
  if (left.fetch_sub(1) == 1) left.notify_all();
}

void consume(Session& session, std::size_t count) {
  std::atomic<std::size_t> left{count};
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.ManualAck = true;
  options.Config.AckPolicy = js_AckExplicit;
  options.Config.MaxAckPending = 20000;
  natsSubscription* subscription = nullptr;
  check(js_Subscribe(&subscription, session.jetstream, subject, on_message, &left, nullptr, &options, nullptr),
        "subscribe");
  for (auto seen = left.load(); seen != 0; seen = left.load()) left.wait(seen);
  check(natsConnection_FlushTimeout(session.connection, 10000), "flush");
  natsSubscription_Unsubscribe(subscription);
  natsSubscription_Destroy(subscription);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw std::runtime_error("usage: jetstream_load publish|consume PORT COUNT");
    Session session(argv[2]);
    auto count = std::strtoul(argv[3], nullptr, 10);
    auto began = Clock::now();
    std::string_view(argv[1]) == "publish" ? publish(session, count) : consume(session, count);
    auto seconds = std::chrono::duration<double>(Clock::now() - began).count();
    fmt::print(R"({{"events":{},"seconds":{:.3f},"per_second":{:.0f}}})"
               "\n",
               count, seconds, static_cast<double>(count) / seconds);
    return 0;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "jetstream_load: {}\n", problem.what());
    return 1;
  }
}
