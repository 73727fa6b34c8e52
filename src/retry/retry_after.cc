#include "retry/retry_after.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <iomanip>
#include <limits>
#include <locale>
#include <sstream>
#include <string>

namespace trunkline::retry {
namespace {

constexpr std::int64_t kLongestMs = std::numeric_limits<std::int64_t>::max() / 2;
constexpr std::int64_t kFarthestMs = 8'640'000'000'000'000;  // JavaScript's last date, on either side of 1970
constexpr std::size_t kLongestDate = 33;                     // "Wednesday, 09-Nov-94 08:49:37 GMT"

struct Form {
  const char* format;      // for std::get_time
  std::string_view shape;  // A: a capital letter, a: the small ones that follow, 0: a digit, _: a digit or a
                           // space; else itself
  bool two_digit_year;
};

// IMF-fixdate, the obsolete RFC 850 form, and asctime's.
constexpr Form kForms[] = {{"%a, %d %b %Y %H:%M:%S GMT", "Aaa, 00 Aaa 0000 00:00:00 GMT", false},
                           {"%A, %d-%b-%y %H:%M:%S GMT", "A*, 00-Aaa-00 00:00:00 GMT", true},
                           {"%a %b %d %H:%M:%S %Y", "Aaa Aaa _0 00:00:00 0000", false}};

// std::get_time is generous with white space, case and missing digits: "06 Nov 94" would be a date of the
// first century.
bool HasShape(std::string_view value, std::string_view shape) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  std::size_t at = 0;
  for (const char expected : shape) {
    if (expected == '*') {  // the rest of a long name
      while (at < value.size() && is_small(value[at])) ++at;
      continue;
    }
    if (at == value.size()) return false;
    const char c = value[at++];
    const bool is_digit = c >= '0' && c <= '9';
    const bool fits = expected == 'A'   ? c >= 'A' && c <= 'Z'
                      : expected == 'a' ? is_small(c)
                      : expected == '0' ? is_digit
                      : expected == '_' ? is_digit || c == ' '
                                        : c == expected;
    if (!fits) return false;
  }
  return at == value.size();
}

// RFC 9110, 5.6.7: two digits stand for the year at most 50 years ahead, else for one in the past.
int FullYear(int two_digits, std::int64_t now_wall_ms) {
  const auto now = static_cast<std::time_t>(now_wall_ms / 1000);
  std::tm tm{};
  gmtime_r(&now, &tm);
  const int this_year = tm.tm_year + 1900;
  const int latest = this_year + 50;
  return latest - ((latest - two_digits) % 100 + 100) % 100;
}

std::optional<std::int64_t> ParseDateMs(std::string_view value, std::int64_t now_wall_ms) {
  for (const Form& form : kForms) {
    if (!HasShape(value, form.shape)) continue;
    std::string text(value);
    // A leap second (23:59:60) is a time of day too, but not to std::get_time.
    const std::size_t seconds_at = text.rfind(':') + 1;
    const bool leap = text.compare(seconds_at, 2, "60") == 0;
    if (leap) text.replace(seconds_at, 2, "59");
    std::istringstream in{text};
    in.imbue(std::locale::classic());
    std::tm tm{};
    in >> std::get_time(&tm, form.format);
    if (in.fail() || in.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
    if (form.two_digit_year) tm.tm_year = FullYear((tm.tm_year + 1900) % 100, now_wall_ms) - 1900;
    // timegm would carry an impossible day (31 April) over into the next month.
    const int day = tm.tm_mday;
    const std::time_t seconds = timegm(&tm);
    if (tm.tm_mday != day) return std::nullopt;
    return (static_cast<std::int64_t>(seconds) + (leap ? 1 : 0)) * 1000;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> ParseRetryAfter(std::string_view value, std::int64_t now_wall_ms) {
  if (value.empty()) return std::nullopt;
  if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t seconds = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (parsed.ec != std::errc{} || seconds > kLongestMs / 1000) return kLongestMs;
    return seconds * 1000;
  }
  if (value.size() > kLongestDate) return std::nullopt;
  now_wall_ms = std::clamp(now_wall_ms, -kFarthestMs, kFarthestMs);
  const auto date_ms = ParseDateMs(value, now_wall_ms);
  if (!date_ms) return std::nullopt;
  return std::max<std::int64_t>(0, *date_ms - now_wall_ms);
}

}  // namespace trunkline::retry
