#pragma once

#include <string>
#include <string_view>

namespace eventbus::cli {

/// A connection URL, a comma-separated list of them, or libpq keywords, with each password as "****" and all else as it
/// was. Of text that is not `valid` it shows less: a password may stand where it doesn't belong.
std::string mask_secrets(std::string_view text, bool valid);

}  // namespace eventbus::cli
