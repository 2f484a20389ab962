#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "eventbus/broker/broker.hpp"

namespace eventbus::rabbitmq {

/// What is wanted done with messages of one queue that one instance holds: with deliveries, or with all that waits.
struct SettleOrder {
  enum class Action : std::uint8_t { ack, nack, extend, purge };
  Action action = Action::ack;
  std::string queue;
  std::vector<std::uint64_t> deliveries = {};
  NackOptions nack = {};               ///< For `nack`.
  std::chrono::milliseconds lease{0};  ///< For `extend`.
  std::int64_t queue_id = 0;           ///< For `purge`: see QueueRecord.
  Position purged_to = 0;              ///< For `purge`: see QueueRecord.
};

/// What became of them.
struct SettleOutcome {
  std::uint64_t settled = 0;
  std::vector<std::uint64_t> unknown = {};
  std::string trouble = {};  ///< Why it could not be carried out; then nothing else counts.
};

/// One instance asks another one; `number` is the asker's.
struct Question {
  std::int64_t number = 0;
  SettleOrder order;
};

struct Answer {
  std::int64_t number = 0;
  SettleOutcome outcome;
};

/// Both as JSON texts.
std::string write(const Question& question);
std::string write(const Answer& answer);
/// None for a text that is neither, from a newer version say.
std::optional<std::variant<Question, Answer>> read_mail(std::string_view text);

}  // namespace eventbus::rabbitmq
