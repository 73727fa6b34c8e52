// The Retry-After header (RFC 9110, 10.2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace trunkline::retry {

// Milliseconds to wait, ≥ 0: from delay-seconds, or from an HTTP-date (all three forms of RFC 9110, 5.6.7)
// seen from `now_wall_ms`; a date that has passed is 0. Anything else is nullopt. A number too large to hold
// counts as the largest wait.
std::optional<std::int64_t> ParseRetryAfter(std::string_view value, std::int64_t now_wall_ms);

}  // namespace trunkline::retry
