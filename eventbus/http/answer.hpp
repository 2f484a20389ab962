#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "eventbus/http/media_type.hpp"

namespace eventbus {

/// What a handler answers with. Empty and 200 until it says otherwise.
struct Answer {
  int status = 200;
  std::string_view content_type = json_type;
  std::string body;
  std::string headers;         ///< Further header lines, each ending with CRLF.
  std::string correlation_id;  ///< For X-Correlation-ID where the request had none; empty: a new one.
  std::move_only_function<void()> undelivered = {};  ///< Runs when the answer can't be written.
  bool streamed = false;                             ///< Head and body are written already.
  bool close = false;                                ///< The connection can't be used further.

  void reset();
  void add_header(std::string_view name, std::string_view value);
};

/// The head of an answer as it goes over the wire.
struct AnswerHead {
  int status = 200;
  std::string_view content_type = {};  ///< Empty: none.
  std::optional<std::size_t> content_length =
      std::nullopt;  ///< None: chunked in HTTP/1.1, up to the end of the connection in HTTP/1.0.
  std::string_view correlation_id = {};
  std::string_view headers = {};
  unsigned version = 11;
  bool keep_alive = true;
};

void append_head(std::string& out, const AnswerHead& head);

}  // namespace eventbus
