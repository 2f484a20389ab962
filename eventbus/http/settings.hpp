#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace eventbus {

/// Limits and timeouts of the HTTP transport. Zero is allowed nowhere.
struct HttpSettings {
  std::string address = "127.0.0.1";  ///< Numeric IPv4 or IPv6 address.
  std::uint16_t port = 8000;          ///< 0: any free port, see HttpServer::port.
  std::string source = "/eventbus";   ///< CloudEvents `source` of events that came without one.

  std::size_t max_event_bytes = std::size_t{1} << 20U;   ///< One event, also one NDJSON line.
  std::size_t max_batch_bytes = std::size_t{16} << 20U;  ///< A JSON batch, and an atomic NDJSON batch; held in memory.
  std::size_t max_body_bytes = std::size_t{1} << 20U;    ///< Every other body.
  std::size_t max_target_bytes = 8192;                   ///< Request target: path and query.
  std::size_t max_head_bytes = 32768;                    ///< Request line and headers.

  /// Open connections; further ones get a 503 and are closed. Costs a file descriptor and some 10 KB each.
  std::size_t max_connections = 20000;
  /// Requests being read or handled; further ones get a 429. Long polls, streams and health checks don't count.
  std::size_t max_in_flight = 10000;

  std::chrono::milliseconds header_timeout{10000};  ///< From a request's first byte to the end of its head.
  std::chrono::milliseconds body_timeout{30000};    ///< Longest silence within a body.
  std::chrono::milliseconds idle_timeout{75000};    ///< Between two requests of a connection.
  std::chrono::milliseconds write_timeout{30000};   ///< Longest time a client may take nothing of its answer.
  std::chrono::milliseconds heartbeat{15000};       ///< Between two comments on a silent event stream.
};

}  // namespace eventbus
