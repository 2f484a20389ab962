#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eventbus/http/route.hpp"

namespace eventbus {

/// The OpenAPI 3.1 document of these routes: parameters, bodies, answers and every error answer.
std::string openapi_document(const std::vector<Route>& routes);

/// Every error that an operation may answer with, its common ones included, by status and then name.
std::vector<ErrorCode> errors_of(const Route& route);

/// Named JSON Schemas that the route table refers to: {name, schema text}.
const std::vector<std::pair<std::string_view, std::string_view>>& component_schemas();

}  // namespace eventbus
