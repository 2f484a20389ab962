#include "eventbus/client/server_url.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace eventbus {
namespace {

constexpr std::string_view example = "http://127.0.0.1:8000";

std::unexpected<Error> refuse(std::string_view url, std::string_view why) {
  return fail(ErrorCode::invalid, "'" + std::string(url) + "' is no server URL: " + std::string(why) +
                                      "; write it like " + std::string(example));
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
