#include "eventbus/postgres/rows.hpp"

#include <libpq-fe.h>

#include <charconv>

#include "eventbus/postgres/wire.hpp"

namespace eventbus::postgres {
namespace {

constexpr Oid jsonb_type = 3802;

std::int64_t parse(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

bool Row::is_null(int column) const {
  return PQgetisnull(result_, index_, column) != 0;
}

bool Row::is_binary(int column) const {
  return PQfformat(result_, column) != 0;
}

std::string_view Row::text(int column) const {
  return {PQgetvalue(result_, index_, column), static_cast<std::size_t>(PQgetlength(result_, index_, column))};
}

std::int64_t Row::integer(int column) const {
  return is_binary(column) ? wire::read_integer(text(column)) : parse(text(column));
}

bool Row::boolean(int column) const {
  const auto value = text(column);
  return is_binary(column) ? wire::read_integer(value) != 0 : value == "t";
}

std::string_view Row::json(int column) const {
  auto value = text(column);
  if (is_binary(column) && PQftype(result_, column) == jsonb_type && !value.empty()) value.remove_prefix(1);
  return value;
}

Timestamp Row::time(int column) const {
  const auto micros = integer(column);
  constexpr Timestamp last_moment = past_last_moment - std::chrono::microseconds{1};
  if (micros > wire::micros_of(last_moment)) return last_moment;
  return micros < wire::micros_of(first_moment) ? first_moment : wire::time_of(micros);
}

Rows::Rows(pg_result* result) : result_(result) {}

void Rows::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

int Rows::size() const {
  return result_ ? PQntuples(result_.get()) : 0;
}

int Rows::columns() const {
  return result_ ? PQnfields(result_.get()) : 0;
}

std::int64_t Rows::affected() const {
  return result_ ? parse(PQcmdTuples(result_.get())) : 0;
}

}  // namespace eventbus::postgres
