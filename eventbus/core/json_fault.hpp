#pragma once

#include <boost/json/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "eventbus/core/error.hpp"
#include "eventbus/core/text_place.hpp"

namespace eventbus {

/// Why a document was refused although it is JSON.
enum class JsonRefusal : std::uint8_t { none, nul_character, number_out_of_range };

/// Where and why parsing stopped.
struct JsonFault {
  std::string_view source;
  std::size_t offset;  ///< Byte at which the parser stopped.
  boost::json::error_code code;
  JsonRefusal refusal;
  std::string field;      ///< Outermost member that holds the fault, or "body".
  TextPlace origin = {};  ///< Where the source begins in the body.
};

struct DescribedFault {
  Error error;
  TextPlace place;  ///< In the body.
};

/// The error to answer with: `malformed_json` with line and column of the body, or `invalid` where the text is JSON
/// that can not be stored (bad UTF-8, NUL, lone surrogates, too deep, number out of range).
DescribedFault describe_json_fault(const JsonFault& fault);

}  // namespace eventbus
