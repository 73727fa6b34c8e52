// A circuit breaker (Nygard, "Release It!"): a platform that fails again and again is left alone for a while.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trunkline::retry {

struct BreakerOptions {
  int failures;            // 1 … kMostFailures
  std::int64_t window_ms;  // ≥ 1
  std::int64_t open_ms;    // ≥ 1
};

// Closed, it lets everyone through. `failures` failures, the last less than `window_ms` after the first, open
// it; successes in between do not take a failure back. Open, it refuses everyone for `open_ms`. Then it is
// half open: one call, the probe, goes through, and the rest are refused until it reports. Its success closes
// the breaker with a clean slate, its failure opens it for `open_ms` again.
//
// Whoever is let through reports once: Succeeded, Failed, or Abandoned when the call ended without a verdict
// on the platform (aborted, or never sent), which lets the next call be the probe. A probe that has not
// reported after `open_ms` is given up, and the next call is the probe, so that a lost report blocks nobody
// for ever. Reports carry no name: one that comes late, from a call let through before the breaker opened,
// changes nothing while it is open, and counts as the probe's while it is half open. Which answers are
// failures is the caller's judgement (408, 5xx, time-outs and lost connections are; a 404 is not). Times are
// milliseconds of one monotonic clock; a time before the last one counts as no time passed. Everything on one
// thread.
class CircuitBreaker {
 public:
  static constexpr int kMostFailures = 10'000;
  explicit CircuitBreaker(BreakerOptions options);  // what lies outside the bounds counts as the nearer end

  bool Allow(std::int64_t now_ms);
  void Succeeded(std::int64_t now_ms);
  void Failed(std::int64_t now_ms);
  void Abandoned();

  // Milliseconds until Allow may say yes: 0 when it would now. While a probe is under way, until that is
  // given up.
  std::int64_t OpenForMs(std::int64_t now_ms) const;

 private:
  enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen, kProbing };

  void Open(std::int64_t now_ms);

  const BreakerOptions options_;
  State state_ = State::kClosed;
  std::int64_t since_ms_ = 0;            // when it opened, or the probe began
  std::vector<std::int64_t> failed_at_;  // while closed: a ring of the latest options_.failures times
  std::size_t oldest_ = 0;
};

}  // namespace trunkline::retry
