/// Load generator for HTTP event services. Prints one JSON object.
///   http_load publish|batch|consume|latency|get [--port N] [--connections N] [--seconds S] [--count N] [--batch N]
///                                               [--rate N] [--first N] [--ids] [--nack] [--queue NAME] [--type TYPE]
#include "http_load.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <string_view>

namespace bench {

std::string event_id(std::uint64_t number) {
  auto time = 0x0190'0000'0000ULL + number / 100;
  return fmt::format("{:08x}-{:04x}-7000-8000-{:012x}", time >> 16U, time & 0xffffU, number);
}

void append_event(std::string& out, const Options& options, std::uint64_t number, std::int64_t sent_at_ns) {
  auto begin = out.size();
  out += '{';
  if (options.ids) fmt::format_to(std::back_inserter(out), R"("event_id":"{}",)", event_id(number));
  fmt::format_to(
      std::back_inserter(out),
      R"("event_type":"{}","ordering_key":"customer-{}","payload":{{"n":{},"t":{},"customer":"c-{}","total":{}.{:02},"text":")",
      options.type, number % 1000, number, sent_at_ns, number % 997, number % 500, number % 100);
  while (out.size() - begin < 297) out += "lorem ipsum "[(out.size() - begin) % 12];
  out += "\"}}";
}

namespace {

Options parse(int argc, char** argv) {
  Options options;
  std::map<std::string_view, std::function<void(const char*)>> takes = {
      {"--port", [&](const char* value) { options.port = static_cast<std::uint16_t>(std::atoi(value)); }},
      {"--connections", [&](const char* value) { options.connections = std::strtoul(value, nullptr, 10); }},
      {"--seconds", [&](const char* value) { options.seconds = std::strtod(value, nullptr); }},
      {"--count", [&](const char* value) { options.count = std::strtoul(value, nullptr, 10); }},
      {"--batch", [&](const char* value) { options.batch = std::strtoul(value, nullptr, 10); }},
      {"--rate", [&](const char* value) { options.rate = std::strtoul(value, nullptr, 10); }},
      {"--first", [&](const char* value) { options.first = std::strtoul(value, nullptr, 10); }},
      {"--queue", [&](const char* value) { options.queue = value; }},
      {"--type", [&](const char* value) { options.type = value; }}};
  for (int n = 2; n < argc; ++n) {
    if (std::string_view(argv[n]) == "--ids") {
      options.ids = true;
    } else if (std::string_view(argv[n]) == "--nack") {
      options.nack = true;
    } else if (auto found = takes.find(argv[n]); found != takes.end() && n + 1 < argc) {
      found->second(argv[++n]);
    } else {
      throw std::runtime_error(fmt::format("unknown or incomplete option {}", argv[n]));
    }
  }
  return options;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const std::map<std::string_view, int (*)(const bench::Options&)> modes = {{"publish", bench::publish},
                                                                            {"batch", bench::batch},
                                                                            {"consume", bench::consume},
                                                                            {"latency", bench::latency},
                                                                            {"get", bench::get}};
  try {
    auto mode = argc > 1 ? modes.find(argv[1]) : modes.end();
    if (mode == modes.end()) throw std::runtime_error("usage: http_load publish|batch|consume|latency|get [options]");
    return mode->second(bench::parse(argc, argv));
  } catch (const std::exception& problem) {
    fmt::print(stderr, "http_load: {}\n", problem.what());
    return 1;
  }
}
