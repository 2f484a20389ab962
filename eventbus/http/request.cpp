#include "eventbus/http/request.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>

namespace eventbus {

std::string_view Request::header(http::field field) const {
  for (const auto& header : headers) {
    if (header.field == field) return header.value;
  }
  return {};
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& header : headers) {
    if (boost::beast::iequals(header.name, name)) return header.value;
  }
  return {};
}

bool Request::has(http::field field) const {
  return std::ranges::find(headers, field, &Header::field) != headers.end();
}

}  // namespace eventbus
