#include "eventbus/client/server_url.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include <algorithm>

namespace eventbus {
namespace {

constexpr std::string_view example = "http://127.0.0.1:8000";

bool is_control(unsigned char c) {
  return c < 0x20 || c == 0x7f;
}

/// For messages: on one line, without what may be a password.
std::string shown(std::string_view url) {
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const auto at = url.rfind('@');
  std::string text(url);
  if (at != std::string_view::npos && at >= begin) text.replace(begin, at - begin, "****");
  for (std::size_t next = 0; next < text.size(); ++next) {
    if (is_control(static_cast<unsigned char>(text[next]))) text.replace(next, 1, text[next] == '\n' ? "\\n" : "\\x");
  }
  return text;
}

std::unexpected<Error> refuse(std::string_view url, std::string_view why) {
  return fail(ErrorCode::invalid,
              "'" + shown(url) + "' is no server URL: " + std::string(why) + "; write it like " + std::string(example));
}

}  // namespace

std::string ServerUrl::authority() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + port;
}

std::string ServerUrl::text() const {
  return "http://" + authority() + base_path;
}

Result<ServerUrl> parse_server_url(std::string_view url) {
  if (url.empty()) return refuse(url, "it is empty");
  if (std::ranges::any_of(url, [](unsigned char c) { return is_control(c) || c == ' '; }))
    return refuse(url, "it holds white space or a control character");
  const auto parsed = boost::urls::parse_absolute_uri(url);
  if (!parsed) return refuse(url, "scheme, host and port are expected");
  if (parsed->scheme() != "http") return refuse(url, "only http:// is supported by this version");
  if (parsed->host().empty()) return refuse(url, "the host is missing");
  if (parsed->has_userinfo()) return refuse(url, "user name and password are not supported");
  if (parsed->has_query()) return refuse(url, "a query has no place in it");
  ServerUrl server;
  server.host =
      parsed->host_type() == boost::urls::host_type::ipv6 ? std::string(parsed->host_address()) : parsed->host();
  server.port = parsed->has_port() && !parsed->port().empty() ? std::string(parsed->port()) : "80";
  server.base_path = std::string(parsed->encoded_path());
  while (server.base_path.ends_with('/')) server.base_path.pop_back();
  return server;
}

std::string percent_encode(std::string_view text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

}  // namespace eventbus
