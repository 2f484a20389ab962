#include "eventbus/core/field_faults.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

#include "eventbus/core/json_text.hpp"

namespace eventbus {
namespace {

constexpr std::size_t most_faults = 100;
constexpr std::size_t faults_in_detail = 3;
constexpr std::size_t longest_name = 100;

/// Letters and digits only, lower case: eventId and event-id look like event_id.
std::string plain(std::string_view name) {
  std::string letters;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return letters;
}

/// Levenshtein distance, with one row of the matrix at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string_view shortened(std::string_view name) {
  if (name.size() <= longest_name) return name;
  std::size_t end = longest_name;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80) --end;
  return name.substr(0, end);
}

}  // namespace

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known) {
  const std::string wanted = plain(shortened(name));
  std::string_view nearest;
  std::size_t least = 3;
  for (const std::string_view candidate : known) {
    const std::string letters = plain(candidate);
    const std::size_t distance = edit_distance(wanted, letters);
    if (distance < least && distance * 2 < letters.size()) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

void FieldFaults::add(std::string_view field, std::string_view message) {
  ++count_;
  if (faults_.size() < most_faults) faults_.push_back({std::string(shortened(field)), std::string(message)});
}

void FieldFaults::add_unknown(std::string_view field, std::span<const std::string_view> allowed) {
  if (faults_.size() >= most_faults) {
    ++count_;
  } else if (const std::string_view meant = nearest_name(field, allowed); !meant.empty()) {
    add(field, fmt::format("is not a known field; did you mean \"{}\"?", meant));
  } else {
    add(field, fmt::format("is not a known field; allowed are {}", fmt::join(allowed, ", ")));
  }
}

Error FieldFaults::error() && {
  std::string detail;
  for (std::size_t i = 0; i < std::min(faults_.size(), faults_in_detail); ++i) {
    detail += fmt::format("{}{}: {}", i == 0 ? "" : "; ", faults_[i].field, faults_[i].message);
  }
  if (count_ > faults_in_detail) detail += fmt::format("; and {} more", count_ - faults_in_detail);
  return {ErrorCode::invalid, detail + '.', std::move(faults_)};
}

}  // namespace eventbus
