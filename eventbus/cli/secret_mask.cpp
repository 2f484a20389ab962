#include "eventbus/cli/secret_mask.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace eventbus::cli {
namespace {

constexpr std::string_view mask = "****";
constexpr auto npos = std::string_view::npos;

bool is_blank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// "password", "sslpassword"; "passfile" is a path.
bool names_a_secret(std::string_view key) {
  constexpr std::array<std::string_view, 3> words{"password", "secret", "token"};
  return std::ranges::any_of(words, [key](auto word) { return key.find(word) != npos; });
}

/// The values of a query whose names say so.
std::string masked_query(std::string_view query) {
  std::string out;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    const auto equals = pair.find('=');
    // An escaped name could be any.
    const auto name = pair.substr(0, equals);
    const bool secret = equals != npos && (names_a_secret(name) || name.find('%') != npos);
    out += secret ? std::string(name) + "=" + std::string(mask) : std::string(pair);
    if (end < query.size()) out += '&';
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return out;
}

/// scheme://user:password@host/path?query
std::string masked_url(std::string_view url, bool valid) {
  const auto begin = url.find("://") + 3;
  // libpq takes a '?' before the '@' for a part of the password.
  const auto end_of_user = url.substr(0, url.find('/', begin)).rfind('@');
  const auto query_at = std::min(url.find('?', end_of_user == npos ? begin : end_of_user), url.size());
  const auto at = valid ? url.substr(0, query_at).rfind('@') : url.rfind('@');
  if (at == npos && !valid) return std::string(url.substr(0, begin)).append(mask);
  const auto query = url.substr(at != npos && at > query_at ? url.size() : query_at);
  const auto colon = at == npos ? npos : url.substr(0, at).find(':', begin);
  std::string out(url.substr(0, std::min(colon, url.size() - query.size())));
  if (colon != npos) {
    out += ":" + std::string(mask);
    out += url.substr(at, url.size() - query.size() - at);
  }
  return out + masked_query(query);
}

/// Where one URL of a list ends: before the comma and scheme of the next.
std::size_t end_of_url(std::string_view list) {
  for (auto comma = list.find(','); comma != npos; comma = list.find(',', comma + 1)) {
    const auto rest = list.substr(comma + 1);
    if (rest.starts_with("amqp://") || rest.starts_with("amqps://")) return comma;
  }
  return list.size();
}

std::string masked_urls(std::string_view list, bool valid) {
  if (!valid) return masked_url(list, false);
  const auto end = end_of_url(list);
  auto out = masked_url(list.substr(0, end), true);
  if (end < list.size()) out += "," + masked_urls(list.substr(end + 1), true);
  return out;
}

/// One value of a keyword string, as libpq reads it: quoted or up to the next blank, with backslashes.
std::size_t value_size(std::string_view text) {
  const bool quoted = text.starts_with('\'');
  for (std::size_t at = quoted ? 1 : 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (quoted && text[at] == '\'') {
      return at + 1;
    } else if (!quoted && is_blank(text[at])) {
      return at;
    }
  }
  return text.size();
}

/// host=h password='…' dbname=d
std::string masked_keywords(std::string_view text, bool valid) {
  std::string out;
  while (!text.empty()) {
    const auto equals = text.find('=');
    if (equals == npos) return out.append(text);
    auto value = equals + 1;
    while (value < text.size() && is_blank(text[value])) ++value;
    const bool secret = names_a_secret(text.substr(0, equals));
    out += text.substr(0, value);
    text.remove_prefix(value);
    if (secret && !valid) return out.append(mask);
    const auto size = value_size(text);
    out += secret ? mask : text.substr(0, size);
    text.remove_prefix(std::min(size, text.size()));
  }
  return out;
}

}  // namespace

std::string mask_secrets(std::string_view text, bool valid) {
  const auto scheme = text.find("://");
  const bool url = scheme != npos && text.substr(0, scheme).find('=') == npos;
  if (url) return masked_urls(text, valid);
  if (valid || text.find('=') != npos) return masked_keywords(text, valid);
  return text.empty() ? std::string() : std::string(mask);
}

}  // namespace eventbus::cli
