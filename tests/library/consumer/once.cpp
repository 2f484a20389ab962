// Handles events 1 to <events>, each of which adds one to a balance in the same transaction. Says of each whether it
// was done now or known before, and the balance at the end.
//
//   once <database> <events>
#include <eventbus/eventbus.hpp>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

template <class T>
T expect(eventbus::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().detail);
  return std::move(*result);
}

using Transaction = eventbus::Deduplicator::Transaction;

void make_table(Transaction& sql) {
  expect(sql.execute("CREATE TABLE balance (total BIGINT NOT NULL)"));
  expect(sql.execute("INSERT INTO balance VALUES (0)"));
}

void add_one(Transaction& sql) {
  expect(sql.execute("UPDATE balance SET total = total + 1"));
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 3) {
    std::cerr << "usage: once <database> <events>\n";
    return 2;
  }
  eventbus::Deduplicator handled(arguments[1], "adder");
  expect(handled.once("table", make_table));
  const int events = std::stoi(arguments[2]);
  for (int event = 1; event <= events; ++event) {
    const bool now = expect(handled.once("event " + std::to_string(event), add_one));
    std::cout << (now ? "done " : "known ") << event << std::endl;
  }
  expect(handled.once("question " + eventbus::make_uuid_v7(), [](Transaction& sql) {
    std::cout << "balance " << *expect(sql.execute("SELECT total FROM balance")).rows.at(0).at(0) << std::endl;
  }));
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
