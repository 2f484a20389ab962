#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "load_loop.hpp"

namespace bench {

/// What the command line of http_load says.
struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;
  std::size_t connections = 64;
  double seconds = 5;
  std::size_t count = 0;  ///< Events to move; 0: as many as `seconds` allow.
  std::size_t batch = 1000;
  std::size_t rate = 0;   ///< Requests a second of `latency` and `get`; 0: as fast as the answers come, `get` only.
  std::size_t first = 0;  ///< Number of the first event with a generated id.
  bool nack = false;      ///< `consume` fails what it gets.
  bool ids = false;       ///< Events carry ids of `event_id(n)`.
  std::string queue = "bench";
  std::string type = "bench.order.paid";
};

/// A UUIDv7-shaped id that sorts by `number`, so that a later run can ask for it.
std::string event_id(std::uint64_t number);

/// One publish request of about 300 bytes.
void append_event(std::string& out, const Options& options, std::uint64_t number, std::int64_t sent_at_ns);

/// Each prints one JSON object with what it measured and returns the exit status.
int publish(const Options& options);  ///< POST /events, one event a request.
int batch(const Options& options);    ///< POST /events/batch, NDJSON.
int consume(const Options& options);  ///< receive + ack (or nack) of `batch` on every connection until `count` are.
int latency(const Options& options);  ///< publish at `rate`; how long until one waiting receiver has each event.
int get(const Options& options);      ///< GET /events/{id} of random ids among the first `count`.

}  // namespace bench
