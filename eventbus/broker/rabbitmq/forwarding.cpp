#include "eventbus/broker/rabbitmq/forwarding.hpp"

#include <algorithm>
#include <utility>

#include "eventbus/core/error.hpp"
#include "eventbus/telemetry/log.hpp"

namespace eventbus::rabbitmq {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds answer_check_interval{500};

/// What is taken so late that the asker may have given up must not be done any more.
std::chrono::milliseconds life_of_letters(std::chrono::milliseconds patience) {
  return patience * 3 / 4;
}

SettleOutcome all_unknown(std::vector<std::uint64_t> deliveries) {
  return {.unknown = std::move(deliveries)};
}

/// Among those that wait for an answer, while it lives.
template <class Map>
class Entry {
 public:
  Entry(Map& map, typename Map::key_type key, typename Map::mapped_type value) : map_(map), key_(key) {
    map_.emplace(key, value);
  }
  ~Entry() { map_.erase(key_); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  Map& map_;
  typename Map::key_type key_;
};

}  // namespace

Forwarding::Forwarding(const asio::any_io_executor& loop, postgres::ConnectionPool& pool, InstanceId self,
                       std::chrono::milliseconds timeout, std::chrono::milliseconds patience, Settle settle)
    : loop_(loop),
      patience_(patience),
      settle_(std::move(settle)),
      mail_(loop, pool, self, {.timeout = timeout, .life = life_of_letters(patience)},
            [this](const Letter& letter) { take_in(letter); }),
      answering_(loop),
      stopping_(loop) {}

asio::awaitable<void> Forwarding::open() {
  co_await mail_.migrate();
  co_await mail_.open();
}

asio::awaitable<void> Forwarding::run() {
  TaskGroup mail(loop_);
  mail.spawn("mail", mail_.run());
  while (!stopped_) co_await stopping_.wait();
  co_await answering_.join();
  mail_.stop();
  co_await mail.join();
}

void Forwarding::stop() {
  stopped_ = true;
  stopping_.notify_all();
}

asio::awaitable<SettleOutcome> Forwarding::ask(InstanceId owner, SettleOrder order) {
  Question question{.number = ++last_number_, .order = std::move(order)};
  Asked asked{.answered = Signal(loop_), .outcome = {}};
  const Entry entry(asked_, question.number, &asked);
  const auto deadline = Clock::now() + patience_;
  Letter letter{owner, write(question)};
  bool running = co_await mail_.send(std::move(letter));
  auto seen = Clock::now();
  while (running && !asked.outcome && Clock::now() < deadline) {
    const bool answered = co_await asked.answered.wait_until(std::min(deadline, Clock::now() + answer_check_interval));
    if (answered) continue;
    running = co_await mail_.runs(owner, seen);
    seen = Clock::now();
  }
  if (!asked.outcome) co_return all_unknown(std::move(question.order.deliveries));
  if (!asked.outcome->trouble.empty())
    throw Unavailable("settling deliveries at the instance that holds them", asked.outcome->trouble);
  co_return std::move(*asked.outcome);
}

void Forwarding::take_in(const Letter& letter) {
  auto mail = read_mail(letter.body);
  if (!mail) return;
  if (auto* question = std::get_if<Question>(&*mail)) {
    if (!stopped_) answering_.spawn("settle for another instance", answer(letter.other, std::move(*question)));
    return;
  }
  auto& said = std::get<Answer>(*mail);
  const auto place = asked_.find(said.number);
  if (place == asked_.end()) return;  // too late
  place->second->outcome = std::move(said.outcome);
  place->second->answered.notify_all();
}

asio::awaitable<void> Forwarding::answer(InstanceId asker, Question question) {
  Answer said{.number = question.number, .outcome = {}};
  try {
    said.outcome = co_await settle_(std::move(question.order));
  } catch (const Unavailable& error) {
    said.outcome.trouble = error.what();
  }
  Letter letter{asker, write(said)};
  try {
    co_await mail_.send(std::move(letter));
  } catch (const Unavailable& error) {
    log(LogLevel::debug, "what another instance asked for was done, but it can't be told",
        {{"error", std::string_view(error.what())}});
  }
}

}  // namespace eventbus::rabbitmq
