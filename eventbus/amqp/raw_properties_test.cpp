#include "eventbus/amqp/raw_properties.hpp"

#include <gmock/gmock.h>

#include "eventbus/amqp/wire_fields.hpp"

namespace eventbus::amqp {
namespace {

/// As another client may send them: with headers that `Headers` can't hold, a user and a time to live.
std::string foreign() {
  amqp_table_entry_t nested{.key = bytes_of("n"), .value = {.kind = AMQP_FIELD_KIND_F64, .value = {.f64 = 0.5}}};
  amqp_table_entry_t entries[3]{
      {.key = bytes_of("t"), .value = {.kind = AMQP_FIELD_KIND_TABLE, .value = {.table = {1, &nested}}}},
      {.key = bytes_of("x-death"), .value = {.kind = AMQP_FIELD_KIND_VOID, .value = {}}},
      {.key = bytes_of("s"), .value = {.kind = AMQP_FIELD_KIND_U8, .value = {.u8 = 7}}}};
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_EXPIRATION_FLAG |
                      AMQP_BASIC_PRIORITY_FLAG | AMQP_BASIC_CLUSTER_ID_FLAG;
  properties.headers = {3, entries};
  properties.user_id = bytes_of("somebody");
  properties.expiration = bytes_of("60");
  properties.priority = 3;
  properties.cluster_id = bytes_of("c");
  std::string raw(1000, '\0');
  const auto size = amqp_encode_properties(AMQP_BASIC_CLASS, &properties, bytes_of(raw));
  raw.resize(static_cast<std::size_t>(size));
  return raw;
}

TEST(RawProperties, ComeBackAsTheyWere) {
  Properties properties{.content_type = "text/plain", .message_id = "m", .timestamp = std::chrono::sys_seconds{}};
  properties.headers = {{"a", std::string("text")}, {"b", std::int64_t{-1}}, {"c", true}};
  EXPECT_EQ(decode_properties(encode(properties)), properties);
  properties.headers = {{"long", std::string(60'000, 'x')}};
  EXPECT_EQ(decode_properties(encode(properties)), properties);
  EXPECT_EQ(decode_properties(encode(Properties{})), Properties{});
  EXPECT_FALSE(decode_properties("x"));
}

TEST(RawProperties, KeepWhatIsNotAmended) {
  const auto amended = amend(foreign(), {.drops = [](std::string_view name) { return name == "x-death"; },
                                         .headers = {{"s", std::string("ours")}, {"new", std::int64_t{1}}}});
  const DecodedProperties decoded(amended.value());
  ASSERT_NE(decoded.get(), nullptr);
  const auto& properties = *decoded.get();
  EXPECT_EQ(properties._flags & (AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_EXPIRATION_FLAG), 0u);
  EXPECT_EQ(properties.priority, 3);
  EXPECT_EQ(view_of(properties.cluster_id), "c");
  EXPECT_EQ(properties.delivery_mode, 2);
  ASSERT_EQ(properties.headers.num_entries, 3);
  const auto& table = properties.headers.entries[0].value;
  ASSERT_EQ(table.kind, AMQP_FIELD_KIND_TABLE);
  EXPECT_EQ(table.value.table.entries[0].value.value.f64, 0.5);
  const auto headers = read_table(properties.headers);
  EXPECT_EQ(std::get<std::string>(*find_header(headers, "s")), "ours");
  EXPECT_EQ(std::get<std::int64_t>(*find_header(headers, "new")), 1);
}

TEST(RawProperties, OursGoWithoutTheirsWhereTheyDoNotFit) {
  Properties full;
  for (const auto* name : {"a", "b"}) full.headers.emplace_back(name, std::string(60'000, 'x'));
  const auto amended = amend(encode(full), {.headers = {{"new", std::string(20'000, 'y')}}});
  const auto headers = decode_properties(amended.value()).value().headers;
  ASSERT_EQ(headers.size(), 1u);
  EXPECT_EQ(headers.front().first, "new");
}

}  // namespace
}  // namespace eventbus::amqp
