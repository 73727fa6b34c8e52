#include "base/clock.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace trunkline {
namespace {

class MachineClock final : public Clock {
 public:
  std::int64_t WallMs() const override {
    return Since<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  std::int64_t MonotonicUs() const override {
    return Since<std::chrono::microseconds>(std::chrono::steady_clock::now());
  }

 private:
  template <typename Unit, typename TimePoint>
  static std::int64_t Since(TimePoint t) {
    return std::chrono::duration_cast<Unit>(t.time_since_epoch()).count();
  }
};

}  // namespace

std::string ToIso8601(std::int64_t wall_ms) {
  const std::int64_t ms = ((wall_ms % 1000) + 1000) % 1000;
  const auto seconds = static_cast<std::time_t>((wall_ms - ms) / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                    utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(ms));
  return {text.data(), static_cast<std::size_t>(length)};
}

const Clock& SystemClock() {
  static const MachineClock clock;
  return clock;
}

}  // namespace trunkline
