#include "retry/token_bucket.h"

#include <algorithm>
#include <limits>

namespace trunkline::retry {

TokenBucket::TokenBucket(std::int64_t requests, std::int64_t per_ms, std::int64_t now_ms)
    : requests_(std::clamp<std::int64_t>(requests, 1, kMost)),
      per_ms_(std::clamp<std::int64_t>(per_ms, 1, kMost)),
      units_(requests_ * per_ms_),
      counted_ms_(now_ms) {}

std::int64_t TokenBucket::TakeOrWaitMs(std::int64_t now_ms) {
  CountUntil(now_ms);
  const bool early = now_ms < counted_ms_;
  if (!early && units_ >= per_ms_) {
    units_ -= per_ms_;
    return 0;
  }
  // Unsigned: two times may lie further apart than their type reaches.
  std::uint64_t wait =
      early ? static_cast<std::uint64_t>(counted_ms_) - static_cast<std::uint64_t>(now_ms) : 0;
  if (units_ < per_ms_) wait += static_cast<std::uint64_t>((per_ms_ - units_ + requests_ - 1) / requests_);
  constexpr std::uint64_t kLongest = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(wait, kLongest));
}

void TokenBucket::Pause(std::int64_t until_ms) {
  if (until_ms <= counted_ms_) return;
  CountUntil(until_ms);
  units_ =
      std::min(units_, per_ms_);  // not more than came by itself: a pause must never bring a token forward
}

void TokenBucket::CountUntil(std::int64_t ms) {
  if (ms <= counted_ms_) return;
  const std::uint64_t passed = static_cast<std::uint64_t>(ms) - static_cast<std::uint64_t>(counted_ms_);
  const std::int64_t full = requests_ * per_ms_;
  // After per_ms_ the bucket is full; beyond that the product would not fit.
  units_ = passed >= static_cast<std::uint64_t>(per_ms_)
               ? full
               : std::min(full, units_ + static_cast<std::int64_t>(passed) * requests_);
  counted_ms_ = ms;
}

}  // namespace trunkline::retry
