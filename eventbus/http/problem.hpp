#pragma once

#include <string>
#include <string_view>

#include "eventbus/core/error.hpp"

namespace eventbus {

/// Appends `error` as an RFC 9457 problem document:
/// {"type","title","status","detail","code","correlation_id","errors"?}. `type` points to the error's paragraph in
/// /docs. `extension`: further members as JSON text beginning with ',', or empty.
void append_problem(std::string& out, const Error& error, std::string_view correlation_id,
                    std::string_view extension = {});

/// Appends {"code","detail","errors"?}: one refused event within a batch's results.
void append_error_object(std::string& out, const Error& error);

}  // namespace eventbus
