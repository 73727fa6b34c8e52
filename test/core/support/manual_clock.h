// A clock that stands still until a test moves it, also while other threads look at it.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace trunkline::test {

class ManualClock final : public Clock {
 public:
  std::int64_t WallMs() const override { return wall_ms; }
  std::int64_t MonotonicUs() const override { return monotonic_ms * 1000; }
  void Advance(std::int64_t ms) {
    wall_ms += ms;
    monotonic_ms += ms;
  }

  std::atomic<std::int64_t> wall_ms = 1'700'000'000'000;
  std::atomic<std::int64_t> monotonic_ms = 1'000;
};

}  // namespace trunkline::test
