#include "eventbus/broker/embedded/log_cursor.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace eventbus::embedded {

std::vector<Routed> LogCursor::restore(QueueProgress progress, Timestamp now) {
  frontier_ = persisted_frontier_ = progress.frontier;
  counted_to_ = persisted_counted_to_ = progress.counted_to;
  backlog_ = progress.backlog;
  for (auto& gap : progress.gaps) {
    gap.entered_at = std::min(gap.entered_at, now);
    put_out(gap);
  }
  return std::move(progress.gaps);
}

void LogCursor::take(const Routed& event) {
  if (following_ && window_.size() < window_limit_) {
    window_.push_back(event);
    return;
  }
  if (following_) frontier_ = event.position - 1;
  following_ = false;
  ++backlog_;
}

std::size_t LogCursor::room() const {
  return window_limit_ - std::min(window_limit_, window_.size());
}

bool LogCursor::hungry() const {
  return !following_ && !purging_ && window_.size() <= window_limit_ / 2;
}

void LogCursor::absorb(const std::vector<Routed>& matches, Position scanned, Position head) {
  for (const auto& match : matches) {
    window_.push_back(match);
    if (backlog_ > 0 && match.position <= counted_to(head)) --backlog_;
  }
  frontier_ = scanned;
  if (!counted_ && counted_to_ <= frontier_) {
    counted_to_ = frontier_;
    backlog_ = 0;
  }
  if (frontier_ < head) return;
  following_ = counted_ = true;
  backlog_ = 0;
}

void LogCursor::count(std::uint64_t matches, Position scanned, Position head) {
  if (counted_ || purging_) return;
  backlog_ += matches;
  counted_to_ = scanned;
  counted_ = counted_to_ >= head;
}

Routed LogCursor::pop() {
  const auto event = window_.front();
  window_.pop_front();
  put_out(event);
  return event;
}

std::optional<Routed> LogCursor::pick(Position position) {
  const auto found = std::ranges::lower_bound(window_, position, {}, &Routed::position);
  if (purging_ || found == window_.end() || found->position != position) return std::nullopt;
  const auto event = *found;
  window_.erase(found);
  put_out(event);
  return event;
}

void LogCursor::put_out(const Routed& event) {
  if (spilled_.contains(event.position)) return;
  ++open_;
  if (out_.empty() || out_.back().event.position < event.position) {
    out_.push_back({event});
  } else {
    const auto position = [](const Out& out) { return out.event.position; };
    out_.insert(std::ranges::upper_bound(out_, event.position, {}, position), {event});
  }
}

/// What is settled one after the other mostly stands so, too.
LogCursor::Out* LogCursor::find(Position position) {
  const auto position_of = [](const Out& out) { return out.event.position; };
  if (next_found_ >= out_.size() || position_of(out_[next_found_]) != position) {
    const auto found = std::ranges::lower_bound(out_, position, {}, position_of);
    next_found_ = static_cast<std::size_t>(found - out_.begin());
  }
  if (next_found_ == out_.size()) return nullptr;
  auto& out = out_[next_found_++];
  return out.event.position == position && out.phase != Phase::gone ? &out : nullptr;
}

std::optional<Timestamp> LogCursor::oldest_since() const {
  std::optional<Timestamp> oldest;
  const auto consider = [&oldest](Timestamp time) { oldest = std::min(oldest.value_or(time), time); };
  if (!window_.empty()) consider(window_.front().entered_at);
  if (!spilled_.empty()) consider(spilled_.begin()->second);
  const auto open = std::ranges::find_if(out_, [](const Out& out) { return out.phase != Phase::gone; });
  if (open != out_.end()) consider(open->event.entered_at);
  return oldest;
}

void LogCursor::purge(Position head) {
  purging_ = true;
  purge_to_ = head;
  purged_backlog_ = backlog_;
  if (following_) frontier_ = head;
  following_ = false;
}

// Everything that is settled must be covered by the frontier, so it moves to the last of them; what is open below it
// becomes a gap.
void LogCursor::compose(QueueCommit& commit, Position head) {
  compact();
  auto& progress = commit.progress;
  progress.frontier = commit.purge ? std::max(persisted_frontier_, purge_to_) : persisted_frontier_;
  const auto leaving = leave(commit);
  for (const auto& [event, phase] : out_) {
    if (event.position > progress.frontier) break;
    if (phase == Phase::out) progress.gaps.push_back(event);
  }
  auto above = open_ - leaving - progress.gaps.size();
  if (commit.purge) {
    drop_window(commit);
  } else {
    above += split_window(commit);
  }
  if (above == 0) progress.frontier = std::max(progress.frontier, frontier(head));
  spill(commit);
  progress.counted_to = counted_ ? head : std::max(counted_to_, progress.frontier);
  progress.backlog = above + backlog_;
  if (commit.purge) progress.backlog -= counted_ ? std::min(backlog_, purged_backlog_) : backlog_;
}

/// How many of what is out leave with the commit. What has a row for itself alone leaves that.
std::size_t LogCursor::leave(QueueCommit& commit) {
  std::size_t leaving = 0;
  for (const auto& settling : commit.settlings) {
    if (delivery::entered_again(settling.entry)) continue;
    if (auto* out = find(settling.entry)) {
      out->phase = Phase::leaving;
      ++leaving;
      commit.progress.frontier = std::max(commit.progress.frontier, settling.entry);
    } else if (spilled_.contains(settling.entry) && settling.fate != Fate::retried) {
      commit.settled_rows.push_back(settling.entry);
    }
  }
  return leaving;
}

/// How much of the window lies behind the frontier; the rest of it becomes gaps.
std::size_t LogCursor::split_window(QueueCommit& commit) const {
  auto& [frontier, counted_to, backlog, gaps] = commit.progress;
  const auto behind = std::ranges::upper_bound(window_, frontier, {}, &Routed::position);
  std::copy_if(window_.begin(), behind, std::back_inserter(gaps),
               [this](const Routed& event) { return !spilled_.contains(event.position); });
  if (behind != window_.begin()) std::ranges::sort(gaps, {}, &Routed::position);
  return static_cast<std::size_t>(window_.end() - behind);
}

void LogCursor::drop_window(QueueCommit& commit) const {
  for (const auto& event : window_) {
    if (spilled_.contains(event.position)) commit.settled_rows.push_back(event.position);
  }
}

/// Many gaps make every commit large, so the oldest get rows.
void LogCursor::spill(QueueCommit& commit) const {
  auto& gaps = commit.progress.gaps;
  if (gaps.size() <= limits_.gaps) return;
  const auto excess = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() - limits_.gaps);
  commit.spilled.assign(gaps.begin(), excess);
  gaps.erase(gaps.begin(), excess);
}

void LogCursor::compact() {
  const auto gone = [](const Out& out) { return out.phase == Phase::gone; };
  while (!out_.empty() && gone(out_.front())) out_.pop_front();
  constexpr std::size_t worth_it = 1024;
  if (out_.size() > 2 * open_ + worth_it) std::erase_if(out_, gone);
}

void LogCursor::finish(const QueueCommit& commit) {
  for (const auto& settling : commit.settlings) {
    if (delivery::entered_again(settling.entry) || forget(settling.entry)) continue;
    spilled_.erase(settling.entry);
  }
  for (const auto& event : commit.spilled) {
    forget(event.position);
    spilled_.emplace(event.position, event.entered_at);
  }
  persisted_frontier_ = commit.progress.frontier;
  persisted_counted_to_ = commit.progress.counted_to;
  if (!commit.purge) return;
  purging_ = false;
  for (const auto& event : window_) spilled_.erase(event.position);
  window_.clear();
  frontier_ = purge_to_;
  backlog_ -= counted_ ? std::min(backlog_, purged_backlog_) : backlog_;
  if (!counted_) counted_to_ = purge_to_;
}

/// False: it is not out, or has a row.
bool LogCursor::forget(Position position) {
  auto* out = find(position);
  if (out == nullptr) return false;
  out->phase = Phase::gone;
  --open_;
  return true;
}

void LogCursor::abort(const QueueCommit& commit) {
  for (const auto& settling : commit.settlings) {
    if (delivery::entered_again(settling.entry)) continue;
    if (auto* out = find(settling.entry)) out->phase = Phase::out;
  }
  if (commit.purge) purging_ = false;
}

}  // namespace eventbus::embedded
