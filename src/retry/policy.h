// How often, and how long apart, a failed try is made again. Pure: time and chance are handed in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/errors.h"

namespace trunkline::retry {

enum class Jitter : std::uint8_t {
  kNone,   // the computed wait
  kFull,   // anything from 0 to the computed wait
  kEqual,  // half of it, and up to half more
  kAdd,    // the computed wait, and up to `jitter_add_ms` more
};

// Which failures are tried again, where the user names them; else those that the error table calls retryable.
struct RetryOn {
  std::vector<int> statuses;
  bool network = false;  // CONNECTION_FAILED, DNS_FAILED, MALFORMED_RESPONSE
  bool timeout = false;
};

// The defaults are the product's: 4 tries, waits of 1, 2, 4 s with up to 500 ms added.
struct Policy {
  int attempts = 4;  // in all, the first included; ≥ 1
  std::int64_t base_ms = 1000;
  double factor = 2;
  std::int64_t max_ms = 8000;  // bound of the computed wait, before jitter
  Jitter jitter = Jitter::kAdd;
  std::int64_t jitter_add_ms = 500;
  std::int64_t max_elapsed_ms = 0;           // 0: no bound on the time since the first try
  std::int64_t max_retry_after_ms = 60'000;  // a platform that asks for more than this ends the tries
  std::optional<RetryOn> on{};
};

// The wait before the next try after `failed_attempts` tries have failed (≥ 1), by backoff alone. `chance` is
// in [0, 1).
std::int64_t BackoffMs(const Policy& policy, int failed_attempts, double chance);

// The wait before the next try, or nothing when no further try is to be made: tries or time used up, the
// error is final, or the platform asks (error.retry_after_ms) for a longer wait than the policy allows.
// `elapsed_ms` counts from the first try.
std::optional<std::int64_t> NextDelayMs(const Policy& policy, const Error& error, int failed_attempts,
                                        std::int64_t elapsed_ms, double chance);

}  // namespace trunkline::retry
