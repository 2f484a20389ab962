#include "eventbus/store/postgres/event_writer.hpp"

#include <gmock/gmock.h>

#include "eventbus/postgres/testing/on_loop.hpp"
#include "eventbus/store/postgres/postgres_under_test.hpp"

namespace eventbus {
namespace {

using postgres::run_on;
using postgres::TestServer;

/// The server refuses to store, at a chosen place in the transaction and so many times.
class RefusedAppends : public testing::Test {
 protected:
  RefusedAppends() {
    ask("CREATE SEQUENCE refusals");  // counts also what is rolled back
    append("earlier");
  }

  void refuse_commits(const std::string& sqlstate, int times) {
    ask("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN " + refusal(sqlstate, times) +
        "RETURN NULL; END$$;"
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION refuse()");
  }
  /// Before any event is sent.
  void refuse_beginnings(const std::string& sqlstate, int times) {
    ask("CREATE FUNCTION refuse() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN " + refusal(sqlstate, times) +
        "RETURN true; END$$;"
        "ALTER TABLE eventbus_log RENAME TO real_log;"
        "CREATE VIEW eventbus_log AS SELECT * FROM real_log WHERE refuse()");
  }
  AppendStatus append(const std::string& id) {
    auto work = instance.store().append(one_request({DraftBuilder{id}.build()}));
    return run_on(loop, std::move(work)).front().front().status;
  }
  std::string append_that_fails(const std::string& id) {
    try {
      append(id);
      return "";
    } catch (const postgres::ServerError& error) {
      return error.sqlstate();
    }
  }
  std::string ask(const std::string& sql) { return TestServer::ask(url, sql); }
  std::string refusals() { return ask("SELECT last_value FROM refusals"); }
  /// Of the log and of the outbox.
  std::string stored() {
    return ask("SELECT string_agg(event_id, ' ' ORDER BY position) FROM events") + ", " +
           ask("SELECT sum(last_position - first_position + 1) FROM eventbus_outbox");
  }

  asio::io_context loop;
  std::string url = TestServer::shared().create_database();
  PostgresUnderTest instance{loop, url};

 private:
  static std::string refusal(const std::string& sqlstate, int times) {
    return "IF nextval('refusals') <= " + std::to_string(times) + " THEN RAISE 'refused' USING ERRCODE = '" + sqlstate +
           "'; END IF; ";
  }
};

TEST_F(RefusedAppends, ACommitThatCollidesIsTriedAgain) {
  refuse_commits("40001", 2);
  const auto before = instance.sessions();
  EXPECT_EQ(append("a"), AppendStatus::stored);
  EXPECT_EQ(refusals(), "3");
  EXPECT_EQ(stored(), "earlier a, 2");
  EXPECT_EQ(append("a"), AppendStatus::duplicate);
  EXPECT_EQ(instance.sessions(), before);
}

TEST_F(RefusedAppends, CollisionsWithoutEndAreAnswered) {
  refuse_commits("40P01", 10);
  EXPECT_EQ(append_that_fails("a"), "40P01");
  EXPECT_EQ(refusals(), "10");
  EXPECT_EQ(stored(), "earlier, 1");
  EXPECT_EQ(append("a"), AppendStatus::stored);
}

TEST_F(RefusedAppends, ACommitWhoseOutcomeIsOpenIsNotRepeated) {
  refuse_commits("57P01", 1);
  EXPECT_EQ(append_that_fails("a"), "57P01");
  EXPECT_EQ(refusals(), "1");
  EXPECT_EQ(append("a"), AppendStatus::stored);
  EXPECT_EQ(stored(), "earlier a, 2");
}

TEST_F(RefusedAppends, WhatFailsForLongIsAnsweredAtOnce) {
  refuse_beginnings("53100", 1);
  EXPECT_EQ(append_that_fails("a"), "53100");
  EXPECT_EQ(refusals(), "1");
  EXPECT_EQ(append("a"), AppendStatus::stored);
}

TEST_F(RefusedAppends, WhatFailsBeforeTheCommitIsTriedAgainOnTheSameConnection) {
  refuse_beginnings("55P03", 3);
  const auto before = instance.sessions();
  EXPECT_EQ(append("a"), AppendStatus::stored);
  EXPECT_EQ(stored(), "earlier a, 2");
  EXPECT_EQ(instance.sessions(), before);
}

TEST_F(RefusedAppends, ARepetitionKeepsItsConnection) {
  const auto before = instance.sessions();
  EXPECT_EQ(append("earlier"), AppendStatus::duplicate);
  EXPECT_EQ(instance.sessions(), before);
  EXPECT_EQ(stored(), "earlier, 1");
}

}  // namespace
}  // namespace eventbus
