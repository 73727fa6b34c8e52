// Fuzzes ParseRetryAfter: at any time, a value is a wait or it is none, and a date is the moment that it
// names. The input: eight bytes of the present time, and the header's value.
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>

#include "require.h"
#include "retry/retry_after.h"

namespace {

using trunkline::fuzz::Require;
using trunkline::retry::ParseRetryAfter;

constexpr std::int64_t kFarthestMs = 250'000'000'000'000;  // the year 9892

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::int64_t now_ms = 0;
  if (size < sizeof now_ms) return 0;
  std::memcpy(&now_ms, data, sizeof now_ms);
  const std::string value(reinterpret_cast<const char*>(data) + sizeof now_ms, size - sizeof now_ms);

  const auto wait_ms = ParseRetryAfter(value, now_ms);
  const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
  if (digits) Require(wait_ms.has_value(), "digits are seconds");
  if (!wait_ms) return 0;
  Require(*wait_ms >= 0, "nobody waits backwards");
  Require(*wait_ms <= INT64_MAX / 2, "a wait can be added to the time");
  if (digits) {
    Require(ParseRetryAfter(value, 0) == wait_ms, "seconds do not depend on the time");
    return 0;
  }

  // It was a date: written anew, as the one form that senders are to use, it names the same moment.
  if (now_ms < 0 || now_ms > kFarthestMs || *wait_ms == 0) return 0;
  const std::int64_t date_ms = now_ms + *wait_ms;
  Require(date_ms % 1000 == 0, "dates are whole seconds");
  const auto seconds = static_cast<std::time_t>(date_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  if (utc.tm_year + 1900 > 9999) return 0;  // the leap second at the end of the last year that can be written
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  Require(ParseRetryAfter(text, now_ms) == wait_ms, "the same moment, written anew, is the same wait");
  Require(ParseRetryAfter(text, date_ms + 1) == 0, "a date that has passed is no wait");
  return 0;
}
