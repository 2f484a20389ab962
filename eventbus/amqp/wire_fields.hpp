#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <string>
#include <string_view>
#include <vector>

#include "eventbus/amqp/message.hpp"

namespace eventbus::amqp {

inline std::string_view view_of(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}
/// librabbitmq takes all bytes as writable and writes to none.
inline amqp_bytes_t bytes_of(std::string_view text) {
  return {.len = text.size(), .bytes = const_cast<char*>(text.data())};
}

/// A table for librabbitmq that points into the headers it was made of.
class WireTable {
 public:
  explicit WireTable(const Headers& headers);
  amqp_table_t get();

 private:
  std::vector<amqp_table_entry_t> entries_;
};

/// Properties for librabbitmq that point into those they were made of.
class WireProperties {
 public:
  explicit WireProperties(const Properties& properties);
  WireProperties(const WireProperties&) = delete;
  WireProperties& operator=(const WireProperties&) = delete;
  const amqp_basic_properties_t& get() const { return properties_; }

 private:
  void set(std::uint32_t flag, amqp_bytes_t& field, std::string_view text);

  WireTable headers_;
  amqp_basic_properties_t properties_{};
};

/// Raw properties for librabbitmq, valid as long as this and the bytes. `get` is null for bytes that are none.
class DecodedProperties {
 public:
  explicit DecodedProperties(std::string_view raw);
  ~DecodedProperties();
  DecodedProperties(const DecodedProperties&) = delete;
  DecodedProperties& operator=(const DecodedProperties&) = delete;
  amqp_basic_properties_t* get() const { return decoded_; }

 private:
  amqp_pool_t pool_{};
  amqp_basic_properties_t* decoded_ = nullptr;
};

Headers read_table(const amqp_table_t& table);
Properties read_properties(const amqp_basic_properties_t& properties);

}  // namespace eventbus::amqp
