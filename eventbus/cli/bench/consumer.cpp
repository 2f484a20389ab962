#include "eventbus/cli/bench/consumer.hpp"

#include <fmt/format.h>

#include "eventbus/core/json.hpp"

namespace eventbus::cli {
namespace {

constexpr int poll_ms = 1000;
constexpr std::string_view json_type = "application/json";

}  // namespace

Consumer::Consumer(Run& run, const asio::ip::tcp::endpoint& server, std::uint32_t index)
    : run_(run),
      connection_(run.loop, server),
      timer_(run.loop),
      index_(index),
      target_(run.settings.base_path + "/queues/" + run.settings.queue) {}

void Consumer::stop() {
  stopped_ = true;
  timer_.cancel();
  connection_.close();
}

void Consumer::receive() {
  if (stopped_) return;
  const auto body = fmt::format(R"({{"max":{},"wait_ms":{}}})", run_.settings.prefetch, poll_ms);
  connection_.send(post_request(run_.settings.authority, target_ + "/receive", json_type, body),
                   [this](int status, std::string_view answer) { received(status, answer); });
}

void Consumer::received(int status, std::string_view body) {
  if (status != 200) {
    pause();
    return;
  }
  const auto now = Clock::now();
  std::string ids;
  scan_deliveries(body, [&](const BenchDelivery& delivery) {
    ids += ids.empty() ? '[' : ',';
    append_json_string(ids, delivery.id);
    if (!run_.ledger.delivered(index_, delivery.event.producer, delivery.event.number)) return;
    run_.delivery_latencies.add(now -
                                run_.sent_at[(delivery.event.producer * run_.events_each) + delivery.event.number]);
  });
  if (ids.empty()) {
    receive();
    return;
  }
  run_.last_delivery = now;
  ack(ids + "]");
}

void Consumer::ack(const std::string& ids) {
  connection_.send(
      post_request(run_.settings.authority, target_ + "/ack", json_type, R"({"delivery_ids":)" + ids + "}"),
      [this](int status, std::string_view) {
        if (status == 200) {
          receive();
        } else {
          pause();
        }
      });
}

void Consumer::pause() {
  timer_.expires_after(retry_delay);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) receive();
  });
}

}  // namespace eventbus::cli
