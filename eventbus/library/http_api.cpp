#include "eventbus/library/http_api.hpp"

#include <boost/system/system_error.hpp>

namespace eventbus {
namespace {

/// Half of the files that a process may open by default.
constexpr std::size_t most_under_way = 512;
/// Four times what the service puts into an answer to `receive`.
constexpr std::uint64_t most_answer_bytes = std::uint64_t{64} << 20U;
/// Less than the service and what may stand before it wait for the next request.
constexpr std::chrono::seconds longest_rest{50};

Error too_many_under_way() {
  return {ErrorCode::too_many_requests,
          std::to_string(most_under_way) +
              " calls of this EventBusClient are under way, its limit; nothing was sent. Wait for one of them to end",
          {}};
}

}  // namespace

/// A connection for the time of one request.
class HttpApi::Borrowed {
 public:
  explicit Borrowed(HttpApi& api) : api_(api), connection_(api.take()) { api_.busy_.insert(connection_.get()); }
  ~Borrowed() {
    api_.busy_.erase(connection_.get());
    // A request that was broken off leaves a connection that nothing else may use.
    if (finished_) api_.give_back(std::move(connection_));
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  HttpConnection* operator->() { return connection_.get(); }
  void finished() { finished_ = true; }

 private:
  HttpApi& api_;
  std::unique_ptr<HttpConnection> connection_;
  bool finished_ = false;
};

HttpApi::HttpApi(const std::string& url, std::size_t kept, std::chrono::milliseconds timeout)
    : server_(parse_server_url(url)), kept_(kept), timeout_(timeout) {}

HttpApi::~HttpApi() {
  loop_.call([this] {
    closing_ = true;
    idle_.clear();
    for (auto* connection : busy_) connection->close();
  });
}

asio::awaitable<Result<HttpAnswer>> HttpApi::send(HttpRequest request, std::chrono::milliseconds patience) {
  if (!server_) co_return std::unexpected(server_.error());
  if (busy_.size() >= most_under_way) co_return std::unexpected(too_many_under_way());
  Borrowed connection(*this);
  try {
    auto sending = connection->send(std::move(request), timeout_ + patience);
    auto answer = co_await std::move(sending);
    connection.finished();
    co_return answer;
  } catch (const Unreachable& error) {
    co_return fail(ErrorCode::unavailable, error.what());
  } catch (const AnswerTooLarge& error) {
    co_return fail(ErrorCode::too_large, error.what());
  } catch (const boost::system::system_error& cancelled) {  // Between two operations of the connection.
    co_return fail(ErrorCode::unavailable, connection_lost(*server_, cancelled.code(), timeout_ + patience).what());
  }
}

std::unique_ptr<HttpConnection> HttpApi::take() {
  if (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (std::chrono::steady_clock::now() - connection->last_used() < longest_rest) return connection;
    idle_.clear();  // The others have rested longer.
  }
  return std::make_unique<HttpConnection>(loop_.executor(), *server_, most_answer_bytes);
}

void HttpApi::give_back(std::unique_ptr<HttpConnection> connection) {
  if (!closing_ && connection->connected() && idle_.size() < kept_) idle_.push_back(std::move(connection));
}

}  // namespace eventbus
