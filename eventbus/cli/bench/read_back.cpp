#include "eventbus/cli/bench/read_back.hpp"

#include <fmt/format.h>

#include "eventbus/cli/bench/wire.hpp"
#include "eventbus/client/http_client.hpp"
#include "eventbus/client/text_stream.hpp"

namespace eventbus::cli {
namespace {

constexpr std::chrono::seconds timeout{60};

void read_producer(Run& run, HttpClient& http, std::uint32_t producer, const std::function<void()>& progress) {
  HttpRequest request{.target =
                          "/events?ordering_key=" + percent_encode(fmt::format("{}-{}", run.settings.run, producer))};
  request.headers = {{"Accept", "application/x-ndjson"}};
  LineSplitter lines;
  const auto note = [&run](std::string_view line) {
    const auto event = numbered_event(line);
    run.ledger.read_back(event.producer, event.number);
    return true;
  };
  const auto answer = http.stream(request, [&](std::string_view part) {
    progress();
    return lines.feed(part, note);
  });
  if (!answer.ok()) throw std::runtime_error(fmt::format("reading the events back was refused: {}", answer.status));
}

}  // namespace

void read_back(Run& run, const std::function<void()>& progress) {
  const auto& settings = run.settings;
  HttpClient http({.host = settings.host, .port = settings.port, .base_path = settings.base_path}, timeout);
  for (std::uint32_t producer = 0; producer < settings.connections; ++producer)
    read_producer(run, http, producer, progress);
}

}  // namespace eventbus::cli
