#include "eventbus/core/timestamp.hpp"

namespace eventbus {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Reads RFC 3339 from the front. The first mismatch sticks.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  int digits(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i) value = value * 10 + digit();
    return value;
  }

  void expect(char wanted) {
    if (!accept(wanted)) failed_ = true;
  }

  bool accept(char wanted) {
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool at_digit() const { return !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; }
  bool complete() const { return !failed_ && text_.empty(); }

 private:
  int digit() {
    if (!at_digit()) {
      failed_ = true;
      return 0;
    }
    const int value = text_.front() - '0';
    text_.remove_prefix(1);
    return value;
  }

  std::string_view text_;
  bool failed_ = false;
};

/// Cut to microseconds.
microseconds read_fraction(Reader& reader) {
  if (!reader.accept('.')) return microseconds{0};
  std::chrono::nanoseconds fraction{reader.digits(1) * 100'000'000};
  for (int unit = 10'000'000; unit > 0 && reader.at_digit(); unit /= 10)
    fraction += std::chrono::nanoseconds{reader.digits(1) * unit};
  return std::chrono::floor<microseconds>(fraction);
}

/// Whether a leap second may follow this second: 23:59:59 UTC on the last day of June or December.
bool may_precede_leap_second(Timestamp time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day next{day + days{1}};
  const bool half_year_ends =
      next.day() == std::chrono::day{1} && (next.month() == std::chrono::July || next.month() == std::chrono::January);
  return half_year_ends && std::chrono::floor<seconds>(time - day) == seconds{86'399};
}

std::optional<minutes> read_offset(Reader& reader) {
  if (reader.accept('Z') || reader.accept('z')) return minutes{0};
  const bool west = reader.accept('-');
  if (!west) reader.expect('+');
  const int hour = reader.digits(2);
  reader.expect(':');
  const int minute = reader.digits(2);
  if (hour > 23 || minute > 59) return std::nullopt;
  const minutes offset = hours{hour} + minutes{minute};
  return west ? -offset : offset;
}

void append_digits(char*& out, unsigned value, int count) {
  for (int i = count - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
  out += count;
}

char* write_fraction(char* out, unsigned micros) {
  *out++ = '.';
  append_digits(out, micros, 6);
  while (out[-1] == '0') --out;
  return out;
}

}  // namespace

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  Reader reader(text);
  const int year = reader.digits(4);
  reader.expect('-');
  const int month = reader.digits(2);
  reader.expect('-');
  const int day = reader.digits(2);
  if (!reader.accept('T') && !reader.accept('t')) reader.expect(' ');
  const int hour = reader.digits(2);
  reader.expect(':');
  const int minute = reader.digits(2);
  reader.expect(':');
  const int second = reader.digits(2);
  const microseconds fraction = read_fraction(reader);
  const std::optional<minutes> offset = read_offset(reader);
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!reader.complete() || !offset || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;

  const bool leap = second == 60;
  const microseconds in_minute = leap ? microseconds{59'999'999} : seconds{second} + fraction;
  const Timestamp time = std::chrono::sys_days{date} + hours{hour} + minutes{minute} + in_minute - *offset;
  if (leap && !may_precede_leap_second(time)) return std::nullopt;
  if (time < first_moment || time >= past_last_moment) return std::nullopt;
  return time;
}

void append_timestamp(std::string& out, Timestamp time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date{day};
  const auto micros = static_cast<std::uint64_t>((time - day).count());
  const auto second = static_cast<unsigned>(micros / 1'000'000);
  const auto fraction = static_cast<unsigned>(micros % 1'000'000);

  char buffer[32];
  char* end = buffer;
  append_digits(end, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  *end++ = '-';
  append_digits(end, static_cast<unsigned>(date.month()), 2);
  *end++ = '-';
  append_digits(end, static_cast<unsigned>(date.day()), 2);
  *end++ = 'T';
  append_digits(end, second / 3600, 2);
  *end++ = ':';
  append_digits(end, second / 60 % 60, 2);
  *end++ = ':';
  append_digits(end, second % 60, 2);
  if (fraction != 0) end = write_fraction(end, fraction);
  *end++ = 'Z';
  out.append(buffer, static_cast<std::size_t>(end - buffer));
}

std::string format_timestamp(Timestamp time) {
  std::string text;
  append_timestamp(text, time);
  return text;
}

Timestamp now() {
  return std::chrono::floor<microseconds>(std::chrono::system_clock::now());
}

}  // namespace eventbus
