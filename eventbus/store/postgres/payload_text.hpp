#pragma once

#include <string>
#include <string_view>

namespace eventbus::postgres_store {

/// Whether PostgreSQL's JSONB gives canonical text back unchanged, but for the order of members: not where a number
/// has an exponent (1E5 comes back as 100000) or is a negative zero.
bool kept_by_jsonb(std::string_view canonical);

/// JSONB's text without its insignificant white space: canonical text, because JSONB escapes strings as we do.
std::string compact_jsonb(std::string_view text);

}  // namespace eventbus::postgres_store
