#pragma once

#include <string>
#include <string_view>

namespace eventbus {

/// The header's value when it is a valid W3C traceparent (version 00, non-zero ids, lower-case hex), else empty.
std::string valid_traceparent(std::string_view header);

}  // namespace eventbus
