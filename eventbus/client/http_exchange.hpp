#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstdint>
#include <optional>

#include "eventbus/client/http_client.hpp"

/// What the blocking and the awaitable client say and hear alike.
namespace eventbus {

using AnswerParser = boost::beast::http::response_parser<boost::beast::http::string_body>;

template <class Body>
boost::beast::http::request<Body> request_head(const ServerUrl& server, const HttpRequest& request) {
  boost::beast::http::request<Body> made;
  made.method_string(request.method);
  made.target(server.base_path + request.target);
  made.version(11);
  made.set(boost::beast::http::field::host, server.authority());
  made.set(boost::beast::http::field::user_agent, "eventbus");
  for (const auto& [name, value] : request.headers) made.set(name, value);
  return made;
}

boost::beast::http::request<boost::beast::http::string_body> whole_request(const ServerUrl& server,
                                                                           const HttpRequest& request);
/// Makes `parser` ready for the answer, whose body has at most `most_bytes`; none: any number.
void begin_answer(std::optional<AnswerParser>& parser, const HttpRequest& request,
                  std::optional<std::uint64_t> most_bytes = {});
HttpAnswer answer_of(AnswerParser& parser);

/// Whether a kept connection can take another request: the server has neither closed it nor said anything unasked. One
/// system call.
bool still_open(boost::asio::ip::tcp::socket& socket);
/// Whether a request that a kept connection broke at may be sent once more: no answer had begun, time is left, and
/// carrying it out twice does no more than once.
bool may_repeat(const HttpRequest& request, const std::optional<AnswerParser>& parser,
                const boost::system::error_code& broken);

/// Before a connection was made, and after.
Unreachable cannot_reach(const ServerUrl& server, const boost::system::error_code& error,
                         std::chrono::milliseconds timeout);
Unreachable connection_lost(const ServerUrl& server, const boost::system::error_code& error,
                            std::chrono::milliseconds timeout);

}  // namespace eventbus
