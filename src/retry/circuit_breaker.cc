#include "retry/circuit_breaker.h"

#include <algorithm>
#include <limits>

namespace trunkline::retry {
namespace {

BreakerOptions WithinBounds(BreakerOptions options) {
  options.failures = std::clamp(options.failures, 1, CircuitBreaker::kMostFailures);
  options.window_ms = std::max<std::int64_t>(options.window_ms, 1);
  options.open_ms = std::max<std::int64_t>(options.open_ms, 1);
  return options;
}

// Never negative, and never past the end of its type.
std::int64_t Since(std::int64_t then_ms, std::int64_t now_ms) {
  if (now_ms <= then_ms) return 0;
  const std::uint64_t passed = static_cast<std::uint64_t>(now_ms) - static_cast<std::uint64_t>(then_ms);
  return static_cast<std::int64_t>(std::min<std::uint64_t>(passed, std::numeric_limits<std::int64_t>::max()));
}

}  // namespace

CircuitBreaker::CircuitBreaker(BreakerOptions options) : options_(WithinBounds(options)) {}

bool CircuitBreaker::Allow(std::int64_t now_ms) {
  if (OpenForMs(now_ms) > 0) return false;
  if (state_ != State::kClosed) {
    state_ = State::kProbing;
    since_ms_ = now_ms;
  }
  return true;
}

void CircuitBreaker::Succeeded(std::int64_t) {
  if (state_ != State::kOpen) state_ = State::kClosed;
}

void CircuitBreaker::Failed(std::int64_t now_ms) {
  if (state_ == State::kOpen) return;
  if (state_ != State::kClosed) return Open(now_ms);
  const auto most = static_cast<std::size_t>(options_.failures);
  if (failed_at_.size() < most) {
    failed_at_.push_back(now_ms);
  } else {
    failed_at_[oldest_] = now_ms;
    oldest_ = (oldest_ + 1) % most;
  }
  if (failed_at_.size() == most && Since(failed_at_[oldest_], now_ms) < options_.window_ms) Open(now_ms);
}

void CircuitBreaker::Abandoned() {
  if (state_ == State::kProbing) state_ = State::kHalfOpen;
}

std::int64_t CircuitBreaker::OpenForMs(std::int64_t now_ms) const {
  if (state_ == State::kClosed || state_ == State::kHalfOpen) return 0;
  return std::max<std::int64_t>(options_.open_ms - Since(since_ms_, now_ms), 0);
}

void CircuitBreaker::Open(std::int64_t now_ms) {
  state_ = State::kOpen;
  since_ms_ = now_ms;
  failed_at_.clear();
  oldest_ = 0;
}

}  // namespace trunkline::retry
