#include "eventbus/cli/console/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "eventbus/cli/console/table.hpp"

namespace eventbus::cli {
namespace {

constexpr std::size_t bar_width = 24;
constexpr auto redraw_every = std::chrono::milliseconds(100);

std::string bar(double fraction) {
  const auto filled = static_cast<std::size_t>(fraction * static_cast<double>(bar_width));
  std::string text;
  for (std::size_t at = 0; at < bar_width; ++at) text += at < filled ? "█" : "░";
  return text;
}

}  // namespace

std::string progress_line(std::uint64_t done, double fraction, double seconds, const std::string& what) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  auto count = fmt::format("{} {}  {}/s", grouped(done), what, grouped(static_cast<std::uint64_t>(rate)));
  if (fraction < 0) return count;
  fraction = std::clamp(fraction, 0.0, 1.0);
  auto line = fmt::format("{} {:3.0f}%  {}", bar(fraction), fraction * 100, count);
  if (fraction > 0 && fraction < 1) line += fmt::format("  {:.0f} s left", seconds / fraction * (1 - fraction));
  return line;
}

Progress::Progress(const Console& console, std::string what)
    : console_(console),
      what_(std::move(what)),
      begun_(std::chrono::steady_clock::now()),
      next_(begun_ + redraw_every) {}

Progress::~Progress() {
  if (drawn_) console_.err << "\r\033[K" << std::flush;
}

void Progress::show(std::uint64_t done, double fraction) {
  const auto now = std::chrono::steady_clock::now();
  if (!console_.err_is_terminal || now < next_) return;
  next_ = now + redraw_every;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - begun_).count();
  console_.err << "\r\033[K" << progress_line(done, fraction, seconds, what_) << std::flush;
}

}  // namespace eventbus::cli
