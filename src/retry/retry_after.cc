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
constexpr std::size_t kLongestDate = 40;  // "Wednesday, 09-Nov-94 08:49:37 GMT" has 33

// IMF-fixdate, the obsolete RFC 850 form, and asctime's.
constexpr const char* kForms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};

std::optional<std::int64_t> ParseDateMs(std::string_view value) {
  for (const char* form : kForms) {
    std::istringstream in{std::string(value)};
    in.imbue(std::locale::classic());
    std::tm tm{};
    in >> std::get_time(&tm, form);
    if (in.fail() || in.peek() != std::istringstream::traits_type::eof()) continue;
    // timegm would carry an impossible day (31 April) over into the next month.
    const int day = tm.tm_mday;
    const std::time_t seconds = timegm(&tm);
    if (tm.tm_mday != day) return std::nullopt;
    return static_cast<std::int64_t>(seconds) * 1000;
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
  const auto date_ms = ParseDateMs(value);
  if (!date_ms) return std::nullopt;
  return std::max<std::int64_t>(0, *date_ms - now_wall_ms);
}

}  // namespace trunkline::retry
