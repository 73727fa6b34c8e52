#include "base/clock.h"

#include <algorithm>
#include <chrono>

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
  using std::chrono::milliseconds;
  // Years of four digits: what is outside would not be ISO 8601 without further agreement.
  constexpr milliseconds kFirst = std::chrono::sys_days{std::chrono::year{0} / 1 / 1}.time_since_epoch();
  constexpr milliseconds kEnd = std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1}.time_since_epoch();
  const milliseconds at = std::clamp(milliseconds(wall_ms), kFirst, kEnd - milliseconds(1));
  const auto days = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{std::chrono::sys_days{days}};
  const std::chrono::hh_mm_ss time{at - days};
  std::string text = "0000-00-00T00:00:00.000Z";
  const auto write = [&text](std::size_t place, int digits, auto value) {
    for (auto left = static_cast<unsigned>(value); digits-- > 0; left /= 10)
      text[place + static_cast<std::size_t>(digits)] = static_cast<char>('0' + left % 10);
  };
  write(0, 4, static_cast<int>(date.year()));
  write(5, 2, static_cast<unsigned>(date.month()));
  write(8, 2, static_cast<unsigned>(date.day()));
  write(11, 2, time.hours().count());
  write(14, 2, time.minutes().count());
  write(17, 2, time.seconds().count());
  write(20, 3, time.subseconds().count());
  return text;
}

const Clock& SystemClock() {
  static const MachineClock clock;
  return clock;
}

}  // namespace trunkline
