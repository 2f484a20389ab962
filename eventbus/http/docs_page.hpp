#pragma once

#include <string>
#include <vector>

#include "eventbus/http/route.hpp"

namespace eventbus {

/// The page of GET /docs: every route with parameters, bodies, answers and errors. Complete in itself: no script, no
/// external resource.
std::string docs_page(const std::vector<Route>& routes);

}  // namespace eventbus
