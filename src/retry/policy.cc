#include "retry/policy.h"

#include <algorithm>
#include <cmath>

namespace trunkline::retry {

namespace {

bool MayBeTriedAgain(const Policy& policy, const Error& error) {
  if (!policy.on)
    return Describe(error.code).retryable && (error.status == 0 || IsRetryableStatus(error.status));
  if (error.status != 0)
    return std::count(policy.on->statuses.begin(), policy.on->statuses.end(), error.status) > 0;
  switch (error.code) {
    case ErrorCode::kTimeout:
      return policy.on->timeout;
    case ErrorCode::kConnectionFailed:
    case ErrorCode::kDnsFailed:
    case ErrorCode::kMalformedResponse:
      return policy.on->network;
    default:
      return false;
  }
}

}  // namespace

std::int64_t BackoffMs(const Policy& policy, int failed_attempts, double chance) {
  const double grown = static_cast<double>(policy.base_ms) * std::pow(policy.factor, failed_attempts - 1);
  // Compared as doubles first: a large power does not fit an integer.
  const double wait = std::min(grown, static_cast<double>(policy.max_ms));
  switch (policy.jitter) {
    case Jitter::kNone:
      return static_cast<std::int64_t>(wait);
    case Jitter::kFull:
      return static_cast<std::int64_t>(wait * chance);
    case Jitter::kEqual:
      return static_cast<std::int64_t>(wait / 2 + wait / 2 * chance);
    case Jitter::kAdd:
      return static_cast<std::int64_t>(wait + static_cast<double>(policy.jitter_add_ms) * chance);
  }
  return static_cast<std::int64_t>(wait);
}

std::optional<std::int64_t> NextDelayMs(const Policy& policy, const Error& error, int failed_attempts,
                                        std::int64_t elapsed_ms, double chance) {
  if (failed_attempts >= policy.attempts || !MayBeTriedAgain(policy, error)) return std::nullopt;
  std::int64_t wait = BackoffMs(policy, failed_attempts, chance);
  if (error.retry_after_ms >= 0) {
    if (error.retry_after_ms > policy.max_retry_after_ms) return std::nullopt;
    wait = std::max(wait, error.retry_after_ms);
  }
  if (policy.max_elapsed_ms > 0 && elapsed_ms + wait > policy.max_elapsed_ms) return std::nullopt;
  return wait;
}

}  // namespace trunkline::retry
