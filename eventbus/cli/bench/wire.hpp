#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace eventbus::cli {

/// One complete HTTP answer at the beginning of a buffer.
struct WireAnswer {
  int status = 0;
  std::string_view body;
  std::size_t size = 0;  ///< Bytes of head and body.
  bool closes = false;   ///< The server will close the connection.
};

/// None while it is incomplete. Reads only what an event bus sends (Content-Length, no chunks), so that the generator
/// is not what is measured; throws std::runtime_error for anything else.
std::optional<WireAnswer> read_answer(std::string_view buffer);

/// A complete POST request.
std::string post_request(std::string_view host, std::string_view target, std::string_view content_type,
                         std::string_view body);

/// One event as JSON, of `bytes` where that is enough for its fields.
std::string bench_event(std::string_view id, std::string_view run, std::uint32_t producer, std::uint64_t number,
                        std::size_t bytes);

struct NumberedEvent {
  std::uint32_t producer = std::numeric_limits<std::uint32_t>::max();  ///< The default: not one of ours.
  std::uint64_t number = 0;
};

/// Who published the event in this JSON text, and its number there.
NumberedEvent numbered_event(std::string_view text);

struct BenchDelivery {
  std::string_view id;
  NumberedEvent event;
};

/// The deliveries in the answer of a receive.
void scan_deliveries(std::string_view body, const std::function<void(const BenchDelivery&)>& found);

}  // namespace eventbus::cli
