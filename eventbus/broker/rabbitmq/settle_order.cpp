#include "eventbus/broker/rabbitmq/settle_order.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "eventbus/core/json.hpp"

namespace eventbus::rabbitmq {
namespace {

using Action = SettleOrder::Action;

constexpr std::array<std::pair<std::string_view, Action>, 4> actions{
    {{"ack", Action::ack}, {"nack", Action::nack}, {"extend", Action::extend}, {"purge", Action::purge}}};

std::string quoted(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Members of an object by name; what is missing or of another kind reads as nothing.
class Members {
 public:
  explicit Members(std::vector<JsonMember> members) : members_(std::move(members)) {}

  std::optional<std::string> text(std::string_view name) const { return value(name, JsonKind::string); }
  std::optional<std::int64_t> number(std::string_view name) const {
    const auto text = value(name, JsonKind::number);
    return text ? number_in<std::int64_t>(*text) : std::nullopt;
  }
  std::vector<std::uint64_t> numbers(std::string_view name) const {
    std::vector<std::uint64_t> numbers;
    const auto elements = parse_json_array(value(name, JsonKind::array).value_or("[]"));
    if (!elements) return numbers;
    for (const auto& element : *elements) numbers.push_back(number_in<std::uint64_t>(element.second).value_or(0));
    return numbers;
  }

 private:
  std::optional<std::string> value(std::string_view name, JsonKind kind) const {
    const auto found = std::ranges::find(members_, name, &JsonMember::key);
    if (found == members_.end() || found->kind != kind) return std::nullopt;
    return found->value;
  }

  std::vector<JsonMember> members_;
};

std::optional<Question> read_question(const Members& members, std::int64_t number) {
  Question question{.number = number, .order = {}};
  auto& order = question.order;
  const auto name = members.text("action");
  const auto* action = std::ranges::find(actions, name.value_or(""), &std::pair<std::string_view, Action>::first);
  auto queue = members.text("queue");
  if (action == actions.end() || !queue) return std::nullopt;
  order.action = action->second;
  order.queue = std::move(*queue);
  order.deliveries = members.numbers("deliveries");
  order.nack.requeue = members.number("requeue").value_or(1) != 0;
  if (const auto delay = members.number("delay_ms")) order.nack.delay = std::chrono::milliseconds(*delay);
  order.nack.reason = members.text("reason").value_or("");
  order.lease = std::chrono::milliseconds(members.number("lease_ms").value_or(0));
  order.queue_id = members.number("queue_id").value_or(0);
  order.purged_to = members.number("purged_to").value_or(0);
  return question;
}

Answer read_answer(const Members& members, std::int64_t number) {
  return {.number = number,
          .outcome = {.settled = static_cast<std::uint64_t>(members.number("settled").value_or(0)),
                      .unknown = members.numbers("unknown"),
                      .trouble = members.text("trouble").value_or("")}};
}

}  // namespace

std::string write(const Question& question) {
  const auto& order = question.order;
  const auto* name = std::ranges::find(actions, order.action, &std::pair<std::string_view, Action>::second);
  auto json = fmt::format(R"({{"question":{},"action":"{}","queue":{},"deliveries":[{}])", question.number, name->first,
                          quoted(order.queue), fmt::join(order.deliveries, ","));
  if (order.action == Action::nack) {
    json += fmt::format(R"(,"requeue":{},"reason":{})", order.nack.requeue ? 1 : 0, quoted(order.nack.reason));
    if (order.nack.delay) json += fmt::format(R"(,"delay_ms":{})", order.nack.delay->count());
  }
  if (order.action == Action::extend) json += fmt::format(R"(,"lease_ms":{})", order.lease.count());
  if (order.action == Action::purge)
    json += fmt::format(R"(,"queue_id":{},"purged_to":{})", order.queue_id, order.purged_to);
  return json + '}';
}

std::string write(const Answer& answer) {
  const auto& outcome = answer.outcome;
  return fmt::format(R"({{"answer":{},"settled":{},"unknown":[{}],"trouble":{}}})", answer.number, outcome.settled,
                     fmt::join(outcome.unknown, ","), quoted(outcome.trouble));
}

std::optional<std::variant<Question, Answer>> read_mail(std::string_view text) {
  auto object = parse_json_object(text);
  if (!object) return std::nullopt;
  const Members members(std::move(*object));
  if (const auto number = members.number("answer")) return read_answer(members, *number);
  const auto number = members.number("question");
  if (!number) return std::nullopt;
  return read_question(members, *number);
}

}  // namespace eventbus::rabbitmq
