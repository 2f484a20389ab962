#include "eventbus/postgres/server_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace eventbus::postgres {
namespace {

constexpr Fault unreachable{"", false, false, "Is the server running, and are host and port in %v right?"};
constexpr Fault old{too_old, false, true, "Upgrade the server, or let %v name another one."};
constexpr Fault other{"", false, false, "The server's log may say more."};

constexpr std::array faults{
    Fault{"08", true, false, "The connection to the server in %v broke; it is opened again by itself."},
    Fault{"22", false, true, "The server refused a value; please report this with the server's log."},
    Fault{"25006", false, false,
          "The server only reads (a standby, or default_transaction_read_only is on): let %v name the primary, or add "
          "target_session_attrs=read-write to it."},
    Fault{"25P03", true, false, "The transaction was idle for too long; it is tried again."},
    Fault{"28000", false, true, "Check user and database in %v, and the server's pg_hba.conf."},
    Fault{"28P01", false, true, "Check user and password in %v."},
    Fault{"3D000", false, true, "Create the database (createdb), or correct its name in %v."},
    Fault{"3F000", false, true, "Create the schema, or correct the search_path of the role in %v."},
    Fault{"40001", true, false, "Concurrent transactions collided; it is tried again."},
    Fault{"40P01", true, false, "Concurrent transactions collided; it is tried again."},
    Fault{"42501", false, true,
          "Grant the role in %v what it needs: it must own the tables of the event bus, and may create them (GRANT "
          "CREATE ON SCHEMA)."},
    Fault{"42P16", false, true, "Change the table as docs/upgrading.md says, or let %v name another database."},
    Fault{"42P01", false, true, "A table is missing: restart the service to apply its migrations."},
    Fault{"42703", false, true, "A column is missing: restart the service to apply its migrations."},
    Fault{"53100", false, false, "The disk of the server in %v is full: free space there."},
    Fault{"53200", false, false, "The server in %v is out of memory: lower its work_mem, or POOL_MAX_SIZE."},
    Fault{"53300", false, false, "Raise max_connections of the server in %v, or lower POOL_MAX_SIZE."},
    Fault{"55P03", true, false, "A lock is held by somebody else; it is tried again."},
    Fault{"57014", false, false,
          "The statement took longer than its timeout: narrow the query (start_time and end_time help), or look at the "
          "server's load. Conditions on the payload need EVENTBUS_PAYLOAD_INDEX=true to be quick."},
    Fault{"57P01", true, false, "The server shuts down; the connection is opened again by itself."},
    Fault{"57P02", true, false, "The server crashed; the connection is opened again by itself."},
    Fault{"57P03", true, false, "The server in %v starts or stops; wait until it accepts connections."},
    Fault{"57P05", true, false, "The connection was idle for too long; it is opened again by itself."},
    Fault{"58030", false, false, "The server in %v can't read or write its disk: see its log."},
    Fault{"XX001", false, true, "The database is damaged: see the server's log, and restore a backup."},
    Fault{"XX002", false, true, "An index is damaged: REINDEX it, and see the server's log."},
};

std::string with_variable(std::string_view remedy, std::string_view variable) {
  std::string text(remedy);
  if (const auto place = text.find("%v"); place != std::string::npos) text.replace(place, 2, variable);
  return text;
}

std::string in_one_line(std::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  while (line.ends_with(' ') || line.ends_with('.')) line.pop_back();
  return line;
}

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) || std::isupper(c); });
}

std::string describe(std::string_view message, std::string_view sqlstate, std::string_view variable) {
  const auto code = is_sqlstate(sqlstate) ? fmt::format(" ({})", sqlstate) : std::string();
  return fmt::format("{}{}. {}", in_one_line(message), code, with_variable(explain(sqlstate).remedy, variable));
}

}  // namespace

const Fault& explain(std::string_view sqlstate) {
  if (sqlstate.empty()) return unreachable;
  if (sqlstate == too_old) return old;
  const auto exact = std::ranges::find(faults, sqlstate, &Fault::sqlstate);
  if (exact != faults.end()) return *exact;
  const auto by_class = std::ranges::find(faults, sqlstate.substr(0, 2), &Fault::sqlstate);
  return by_class != faults.end() ? *by_class : other;
}

ServerError::ServerError(std::string_view operation, std::string_view message, std::string_view sqlstate,
                         std::string_view variable)
    : Unavailable(operation, describe(message, sqlstate, variable)),
      sqlstate_(sqlstate),
      retryable_(explain(sqlstate).retryable),
      lasting_(explain(sqlstate).lasting) {
  const auto code = is_sqlstate(sqlstate) ? fmt::format(" ({})", sqlstate) : std::string();
  tell_client(fmt::format("PostgreSQL can't do this now{}. {} The service's log tells more.", code,
                          with_variable(explain(sqlstate).remedy, variable)));
}

ConnectFailure read_connect_failure(std::string_view libpq_message) {
  for (auto place = libpq_message.find(":  "); place != std::string_view::npos;
       place = libpq_message.find(":  ", place + 1)) {
    const auto code = libpq_message.substr(place + 3, 5);
    if (!is_sqlstate(code) || !libpq_message.substr(place + 8).starts_with(": ")) continue;
    return {in_one_line(libpq_message.substr(place + 10)), std::string(code)};
  }
  return {in_one_line(libpq_message), {}};
}

std::optional<std::string> refuse_version(int version) {
  if (version >= oldest_server_version) return std::nullopt;
  return fmt::format("the server is PostgreSQL {}.{}, but 13 or newer is needed", version / 10'000, version % 10'000);
}

}  // namespace eventbus::postgres
