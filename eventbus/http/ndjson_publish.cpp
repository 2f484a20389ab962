#include "eventbus/http/ndjson_publish.hpp"

#include <limits>

#include "eventbus/http/batch_publish.hpp"
#include "eventbus/http/body_lines.hpp"

namespace eventbus {
namespace {

/// The state of one NDJSON request: one line after the other becomes an event of the batch while the body arrives.
class NdjsonPublish {
 public:
  NdjsonPublish(Call& call, bool atomic)
      : call_(call),
        context_(call.publish_context()),
        lines_(context_.max_event_bytes),
        batch_(call, BatchResult::Detail::failures, atomic),
        longest_body_(atomic ? call.services.settings.max_batch_bytes : std::numeric_limits<std::size_t>::max()) {}

  asio::awaitable<Result<void>> run();

 private:
  asio::awaitable<Result<void>> read_all();
  void take(const BodyLine& line);
  Result<EventDraft> parse(const BodyLine& line);

  Call& call_;
  PublishContext context_;
  BodyLines lines_;
  BatchPublish batch_;
  std::size_t longest_body_;
  std::size_t index_ = 0;
};

asio::awaitable<Result<void>> NdjsonPublish::read_all() {
  std::size_t received = 0;
  for (bool more = true; more;) {
    const auto piece = co_await call_.body_reader.next();
    if (!piece) co_return std::unexpected(piece.error());
    received += piece->size();
    if (received > longest_body_) {
      co_return fail(ErrorCode::too_large,
                     "An atomic NDJSON body may have " + std::to_string(longest_body_) + " bytes.");
    }
    more = !piece->empty();
    lines_.feed(*piece);
    while (const auto line = lines_.next()) {
      take(*line);
      if (batch_.full()) co_await batch_.publish();
    }
  }
  co_return Result<void>{};
}

void NdjsonPublish::take(const BodyLine& line) {
  const auto index = index_++;
  auto draft = parse(line);
  if (draft) return batch_.take({index, line.place}, std::move(*draft), line.text.size());
  const auto faulty = examine_faulty(line.text, "event_id", line.place);
  batch_.result().refuse({index, line.too_long ? line.place : faulty.place}, faulty.event_id, draft.error());
}

Result<EventDraft> NdjsonPublish::parse(const BodyLine& line) {
  if (line.too_long) {
    return fail(ErrorCode::too_large,
                "The line is longer than " + std::to_string(context_.max_event_bytes) + " bytes.");
  }
  context_.origin = line.place;
  return parse_event(line.text, context_);
}

asio::awaitable<Result<void>> NdjsonPublish::run() {
  auto read = co_await read_all();
  co_await batch_.finish(read.has_value());
  if (read) {
    batch_.result().answer();
    co_return read;
  }
  call_.answer.close = true;
  if (const auto accepted = batch_.result().accepted(); accepted > 0) {
    read.error().detail += "; " + std::to_string(accepted) + " events before that are stored";
  }
  co_return read;
}

}  // namespace

asio::awaitable<Result<void>> publish_ndjson(Call& call, bool atomic) {
  NdjsonPublish publishing(call, atomic);
  co_return co_await publishing.run();
}

}  // namespace eventbus
