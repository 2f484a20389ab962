#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "eventbus/core/error.hpp"

namespace eventbus {

/// For tests: the fields that a refusal names; none where there is no refusal.
template <typename Value>
std::vector<std::string> faulty_fields(const Result<Value>& result) {
  std::vector<std::string> names;
  if (result) return names;
  EXPECT_EQ(result.error().code, ErrorCode::invalid) << result.error().detail;
  for (const FieldError& fault : result.error().fields) names.push_back(fault.field);
  return names;
}

}  // namespace eventbus
