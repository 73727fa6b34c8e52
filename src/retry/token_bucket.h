// A token bucket: a platform's rate limit, kept on this side of the wire.
#pragma once

#include <cstdint>

namespace trunkline::retry {

// Promises, for a clock that never goes back: a span of T ms (both ends included) sees at most `requests` + T
// × `requests` / `per_ms` tokens taken. So `requests` may go at once after a rest, and in the long run no
// more than `requests` per `per_ms` go. Nothing is rounded away: whoever comes when told to finds a token,
// and the rate holds exactly for any length of time. One bucket per client of a platform. Everything on one
// thread.
class TokenBucket {
 public:
  // Full at first. What lies outside 1 … kMost counts as the nearer end.
  static constexpr std::int64_t kMost = 1'000'000'000;
  TokenBucket(std::int64_t requests, std::int64_t per_ms, std::int64_t now_ms);

  // 0: a token is taken. Else the milliseconds, ≥ 1, until one can be; nothing is reserved, so of many who
  // wait as long only one finds it, and the others are told anew. Of a clock that
  // goes back, nothing is given until it has made up for that.
  std::int64_t TakeOrWaitMs(std::int64_t now_ms);

  // The platform said 429: its count of our requests is above ours, so its reserve is lost, and nobody
  // takes before `until_ms`. At `until_ms` there is one token at most, then more at the usual rate, so that
  // those who wait do not all go at once. Of several pauses the longest counts; one that is over already
  // changes nothing.
  void Pause(std::int64_t until_ms);

 private:
  void CountUntil(std::int64_t ms);

  // A token is worth `per_ms_` units and a millisecond brings `requests_` units: whole numbers for any rate.
  const std::int64_t requests_;
  const std::int64_t per_ms_;
  std::int64_t units_;
  std::int64_t counted_ms_;  // until when `units_` is counted; ahead of now during a pause
};

}  // namespace trunkline::retry
