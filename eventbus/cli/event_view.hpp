#pragma once

#include <string>
#include <vector>

#include "eventbus/cli/console/console.hpp"
#include "eventbus/cli/console/table.hpp"
#include "eventbus/client/json_object.hpp"

namespace eventbus::cli {

/// Time, type, key, id and payload of an event as the API shows it.
std::vector<Column> event_columns();
std::vector<std::string> event_cells(const JsonObject& event);
/// One event as one line, for output that never ends and so can't align; `note` stands before the payload.
std::string event_line(const Console& console, const JsonObject& event, const std::string& note = {});
/// One event with all its fields, a field a line, the payload indented.
std::string event_sheet(const Console& console, const JsonObject& event);

/// Canonical JSON text on several lines, indented by two spaces.
std::string pretty_json(std::string_view text);

}  // namespace eventbus::cli
