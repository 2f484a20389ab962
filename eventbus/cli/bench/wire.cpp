#include "eventbus/cli/bench/wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <stdexcept>

namespace eventbus::cli {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::string_view delivery_mark = R"("delivery_id":")";
constexpr std::string_view payload_mark = R"("payload":{)";
constexpr std::string_view producer_mark = R"("producer":)";
constexpr std::string_view number_mark = R"("number":)";

template <class Number>
Number number_at(std::string_view text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// The value of a header; empty where it is missing. `name` includes the colon.
std::string_view header(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    if (!equal_ignoring_case(head.substr(at, name.size()), name)) continue;
    auto value = head.substr(at + name.size());
    value = value.substr(0, value.find("\r\n"));
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    return value;
  }
  return {};
}

}  // namespace

std::optional<WireAnswer> read_answer(std::string_view buffer) {
  const auto end = buffer.find(head_end);
  if (end == std::string_view::npos) return std::nullopt;
  const auto head = buffer.substr(0, end);
  if (!head.starts_with("HTTP/1.1 ") || !header(head, "transfer-encoding:").empty()) {
    throw std::runtime_error("the answer is not from an event bus; is --url right?");
  }
  WireAnswer answer{.status = number_at<int>(head.substr(9)), .body = {}};
  const auto length = number_at<std::size_t>(header(head, "content-length:"));
  answer.size = end + head_end.size() + length;
  if (buffer.size() < answer.size) return std::nullopt;
  answer.body = buffer.substr(end + head_end.size(), length);
  answer.closes = equal_ignoring_case(header(head, "connection:"), "close");
  return answer;
}

std::string post_request(std::string_view host, std::string_view target, std::string_view content_type,
                         std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", target, host,
                     content_type, body.size(), body);
}

std::string bench_event(std::string_view id, std::string_view run, std::uint32_t producer, std::uint64_t number,
                        std::size_t bytes) {
  auto event = fmt::format(
      R"({{"event_id":"{}","event_type":"bench.event","routing_key":"bench.{}","ordering_key":"{}-{}","payload":{{"producer":{},"number":{},"filler":")",
      id, run, run, producer, producer, number);
  constexpr std::string_view end = R"("}})";
  if (event.size() + end.size() < bytes) event.append(bytes - event.size() - end.size(), 'x');
  return event.append(end);
}

NumberedEvent numbered_event(std::string_view text) {
  // The members of a payload may come back in another order.
  const auto payload = text.find(payload_mark);
  if (payload == std::string_view::npos) return {};
  const auto producer = text.find(producer_mark, payload);
  const auto number = text.find(number_mark, payload);
  if (producer == std::string_view::npos || number == std::string_view::npos) return {};
  return {.producer = number_at<std::uint32_t>(text.substr(producer + producer_mark.size())),
          .number = number_at<std::uint64_t>(text.substr(number + number_mark.size()))};
}

void scan_deliveries(std::string_view body, const std::function<void(const BenchDelivery&)>& found) {
  auto at = body.find(delivery_mark);
  while (at != std::string_view::npos) {
    const auto begin = at + delivery_mark.size();
    const auto next = body.find(delivery_mark, begin);
    const auto text = body.substr(begin, next == std::string_view::npos ? next : next - begin);
    found({.id = text.substr(0, text.find('"')), .event = numbered_event(text)});
    at = next;
  }
}

}  // namespace eventbus::cli
