#include "eventbus/http/body_reader.hpp"

#include <algorithm>

namespace eventbus {
namespace {

constexpr std::size_t read_size = std::size_t{128} << 10U;
constexpr std::uint64_t worth_skipping = std::uint64_t{64} << 10U;

}  // namespace

void BodyReader::begin(const Request& request) {
  decoder_ = {};
  remaining_ = request.content_length.value_or(0);
  lent_ = 0;
  chunked_ = request.chunked;
  finished_ = !request.has_body();
  asked_for_ = !request.expects_continue;
}

void BodyReader::end() {
  connection_.consume(lent_);
  lent_ = 0;
  if (gathered_.capacity() > read_size) gathered_ = {};
}

std::optional<std::string_view> BodyReader::whole_now() {
  if (finished_) return std::string_view();
  if (chunked_ || connection_.input().size() < remaining_) return std::nullopt;
  lent_ = remaining_;
  remaining_ = 0;
  finished_ = true;
  return connection_.input().substr(0, lent_);
}

asio::awaitable<Result<std::string_view>> BodyReader::whole(std::size_t limit) {
  if (chunked_) co_return co_await whole_chunked(limit);
  while (connection_.input().size() < remaining_) {
    auto arrived = co_await more(remaining_ - connection_.input().size());
    if (!arrived) co_return std::unexpected(std::move(arrived.error()));
  }
  co_return *whole_now();
}

asio::awaitable<Result<std::string_view>> BodyReader::whole_chunked(std::size_t limit) {
  gathered_.clear();
  for (;;) {
    auto piece = co_await next_chunk();
    if (!piece) co_return piece;
    if (piece->empty()) co_return std::string_view(gathered_);
    if (gathered_.size() + piece->size() > limit) {
      co_return fail(ErrorCode::too_large, "The body is larger than " + std::to_string(limit) + " bytes.");
    }
    gathered_ += *piece;
  }
}

asio::awaitable<Result<std::string_view>> BodyReader::next() {
  if (chunked_) co_return co_await next_chunk();
  end();
  if (remaining_ == 0) co_return std::string_view();
  if (connection_.input().empty()) {
    auto arrived = co_await more(remaining_);
    if (!arrived) co_return std::unexpected(std::move(arrived.error()));
  }
  lent_ = std::min<std::uint64_t>(remaining_, connection_.input().size());
  remaining_ -= lent_;
  finished_ = remaining_ == 0;
  co_return connection_.input().substr(0, lent_);
}

asio::awaitable<Result<std::string_view>> BodyReader::next_chunk() {
  while (!finished_) {
    const auto input = connection_.input();
    std::string_view piece;
    std::size_t used = 0;
    if (!input.empty()) {
      auto decoded = decoder_.decode(input, piece);
      if (!decoded) co_return std::unexpected(std::move(decoded.error()));
      used = *decoded;
    }
    connection_.consume(used);  // the bytes stay in place until the next read
    finished_ = decoder_.done();
    if (!piece.empty()) co_return piece;
    if (finished_ || used > 0) continue;
    auto arrived = co_await more(read_size);
    if (!arrived) co_return std::unexpected(std::move(arrived.error()));
  }
  co_return std::string_view();
}

asio::awaitable<Result<void>> BodyReader::more(std::size_t wanted) {
  if (!asked_for_) connection_.output() += "HTTP/1.1 100 Continue\r\n\r\n";
  asked_for_ = true;
  const auto deadline = Connection::Clock::now() + settings_.body_timeout;
  if (co_await connection_.fill(deadline, std::min(wanted, read_size))) co_return Result<void>{};
  if (connection_.timed_out()) co_return fail(ErrorCode::timeout, "The body did not arrive in time.");
  co_return fail(ErrorCode::bad_request, "The connection was closed in the middle of the body.");
}

void BodyReader::skip_arrived() {
  while (asked_for_ && chunked_ && !finished_ && !connection_.input().empty()) {
    std::string_view passed_over;
    const auto used = decoder_.decode(connection_.input(), passed_over);
    if (!used || *used == 0) return;
    connection_.consume(*used);
    finished_ = decoder_.done();
  }
}

bool BodyReader::skippable() const {
  return asked_for_ && !chunked_ && remaining_ <= worth_skipping;
}

asio::awaitable<bool> BodyReader::skip_rest() {
  if (!skippable()) co_return finished_;
  for (;;) {
    auto piece = co_await next();
    if (!piece) co_return false;
    if (piece->empty()) co_return true;
  }
}

}  // namespace eventbus
