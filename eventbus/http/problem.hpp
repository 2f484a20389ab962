#pragma once

#include <string>
#include <string_view>

#include "eventbus/core/error.hpp"
#include "eventbus/core/text_place.hpp"

namespace eventbus {

/// Appends `error` as an RFC 9457 problem document:
/// {"type","title","status","detail","code","correlation_id","errors"?}. `type` points to the error's paragraph in
/// /docs. `extension`: further members as JSON text beginning with ',', or empty.
void append_problem(std::string& out, const Error& error, std::string_view correlation_id,
                    std::string_view extension = {});

/// Whether the same request may succeed later as it is: those that are answered with 429 or 503.
bool retryable(ErrorCode code);

/// Appends {"code","detail","retryable","line","column","errors"?}: why one event of a batch was refused, and where in
/// the body it is (or its fault).
void append_event_error(std::string& out, const Error& error, const TextPlace& place);

}  // namespace eventbus
