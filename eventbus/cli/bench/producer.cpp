#include "eventbus/cli/bench/producer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "eventbus/core/json.hpp"
#include "eventbus/core/uuid.hpp"

namespace eventbus::cli {
namespace {

constexpr int too_many_requests = 429;
constexpr int unavailable = 503;

/// The member's JSON text; empty where it is missing.
std::string member_of(std::string_view object, std::string_view key) {
  const auto members = parse_json_object(object);
  if (!members) return {};
  const auto found = std::ranges::find(*members, key, &JsonMember::key);
  return found == members->end() ? std::string() : found->value;
}

struct Failure {
  std::uint64_t index;
  std::string code;
};

/// The events that a batch's answer lists as refused. All other results are good ones.
std::vector<Failure> failures_of(std::string_view body) {
  std::vector<Failure> failures;
  if (body.find(R"("failed":0)") != std::string_view::npos) return failures;
  const auto results = parse_json_array(member_of(body, "results"));
  if (!results) return failures;
  for (const auto& [kind, text] : *results) {
    const auto error = member_of(text, "error");
    if (!error.empty()) failures.push_back({std::stoull(member_of(text, "index")), member_of(error, "code")});
  }
  return failures;
}

}  // namespace

Producer::Producer(Run& run, const asio::ip::tcp::endpoint& server, std::uint32_t index)
    : run_(run), connection_(run.loop, server), timer_(run.loop), index_(index), share_(run.share_of(index)) {}

void Producer::start() {
  due_ = run_.begun;
  next();
}

void Producer::stop() {
  finished_ = true;
  timer_.cancel();
  connection_.close();
}

void Producer::next() {
  number_ += size_;
  if (finished_ || number_ >= share_) {
    finished_ = true;
    return;
  }
  size_ = std::min(run_.settings.batch, share_ - number_);
  build();
  if (run_.settings.rate <= 0) {
    due_ = Clock::now();
    send();
    return;
  }
  // Producers take turns, so that their requests are spread evenly over the time.
  const double turn = static_cast<double>(number_ * run_.settings.connections + index_ * size_) / run_.settings.rate;
  due_ = run_.begun + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(turn));
  timer_.expires_at(due_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) send();
  });
}

void Producer::build() {
  const auto& settings = run_.settings;
  std::string body;
  for (std::uint64_t at = 0; at < size_; ++at) {
    body += bench_event(make_uuid_v7(), settings.run, index_, number_ + at, settings.event_bytes);
    if (settings.batch > 1) body += '\n';
    run_.ledger.published(index_, number_ + at);
  }
  const bool many = settings.batch > 1;
  request_ = post_request(settings.authority, settings.base_path + (many ? "/events/batch" : "/events"),
                          many ? "application/x-ndjson" : "application/json", body);
}

void Producer::send() {
  if (!run_.sent_at.empty()) {
    const auto now = Clock::now();
    for (std::uint64_t at = 0; at < size_; ++at) run_.sent_at[(index_ * run_.events_each) + number_ + at] = now;
  }
  ++run_.requests;
  connection_.send(request_, [this](int status, std::string_view body) { answered(status, body); });
}

void Producer::answered(int status, std::string_view body) {
  const auto now = Clock::now();
  if (status == 0 || status == too_many_requests || status == unavailable) {
    if (troubled_since_ == Clock::time_point{}) troubled_since_ = now;
    if (now - troubled_since_ < run_.settings.patience) {
      again();
      return;
    }
    // Without an answer nobody knows whether it was stored; the ledger leaves that open.
    if (status != 0) refuse(std::to_string(status));
    next();
    return;
  }
  troubled_since_ = {};
  run_.last_answer = now;
  run_.publish_latencies.add(now - due_);
  accept(status, body);
  next();
}

void Producer::accept(int status, std::string_view body) {
  const bool batch = run_.settings.batch > 1;
  if (status / 100 != 2 && !(batch && status == 422)) {
    refuse(fmt::format("{} {}", status, member_of(body, "code")));
    return;
  }
  const auto failures = batch ? failures_of(body) : std::vector<Failure>{};
  auto failure = failures.begin();
  for (std::uint64_t at = 0; at < size_; ++at) {
    if (failure != failures.end() && failure->index == at) {
      run_.ledger.refused(index_, number_ + at);
      ++run_.refusals[failure->code];
      ++failure;
    } else {
      run_.ledger.acknowledged(index_, number_ + at);
    }
  }
}

void Producer::refuse(const std::string& why) {
  for (std::uint64_t at = 0; at < size_; ++at) run_.ledger.refused(index_, number_ + at);
  run_.refusals[why] += size_;
}

void Producer::again() {
  ++run_.retries;
  timer_.expires_after(retry_delay);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) send();
  });
}

}  // namespace eventbus::cli
