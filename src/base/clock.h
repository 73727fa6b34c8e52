// Time, injected. Timers use the monotonic clock; ages, token lifetimes and dates use the wall clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace trunkline {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t WallMs() const = 0;       // milliseconds since 1970-01-01T00:00Z; may jump
  virtual std::int64_t MonotonicUs() const = 0;  // microseconds since some start; never goes back
  std::int64_t MonotonicMs() const { return MonotonicUs() / 1000; }
};

// One moment by both clocks.
struct Moment {
  explicit Moment(const Clock& clock) : wall_ms(clock.WallMs()), monotonic_ms(clock.MonotonicMs()) {}
  // By whichever clock says that more time has passed.
  std::int64_t MsSince(const Moment& then) const {
    return std::max(wall_ms - then.wall_ms, monotonic_ms - then.monotonic_ms);
  }
  std::int64_t wall_ms;
  std::int64_t monotonic_ms;
};

// "2026-01-31T12:00:00.000Z" (RFC 3339) of a wall-clock time.
std::string ToIso8601(std::int64_t wall_ms);

// The machine's clocks. Callable from any thread.
const Clock& SystemClock();

}  // namespace trunkline
