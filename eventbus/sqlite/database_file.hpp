#pragma once

#include <filesystem>

#include "eventbus/sqlite/connection.hpp"

namespace eventbus::sqlite {

/// Makes the file behind `connection` a database of ours, or checks that it is one: application id, and for a small
/// file its structure. Sets the journal (WAL) and that a LogFlusher flushes its commits. Throws `DamagedDatabase`.
void prepare_database_file(Connection& connection, const std::filesystem::path& file);

}  // namespace eventbus::sqlite
