// The retry policy: how long to wait, and when to give up.
#include "retry/policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace trunkline::retry {
namespace {

const Error kOverload{.code = ErrorCode::kUpstreamError, .message = {}, .status = 503};

Policy Plain() {
  Policy policy;
  policy.jitter = Jitter::kNone;
  policy.attempts = 100;
  return policy;
}

Error RateLimited(std::int64_t retry_after_ms) {
  return {.code = ErrorCode::kRateLimited, .message = {}, .status = 429, .retry_after_ms = retry_after_ms};
}

TEST(Policy, DefaultsAreTheProducts) {
  const Policy policy;
  EXPECT_EQ(policy.attempts, 4);
  for (const double chance : {0.0, 0.25, 0.999999}) {
    const auto added = static_cast<std::int64_t>(500 * chance);
    EXPECT_EQ(BackoffMs(policy, 1, chance), 1000 + added);
    EXPECT_EQ(BackoffMs(policy, 2, chance), 2000 + added);
    EXPECT_EQ(BackoffMs(policy, 3, chance), 4000 + added);
  }
}

TEST(Policy, WaitsDoubleUpToTheirBound) {
  const std::int64_t expected[] = {1000, 2000, 4000, 8000, 8000, 8000};
  for (int failed = 1; failed <= 6; ++failed) {
    EXPECT_EQ(BackoffMs(Plain(), failed, 0.7), expected[failed - 1]) << failed;
  }
}

TEST(Policy, AnyNumberOfTriesKeepsTheBound) {
  Policy policy = Plain();
  policy.factor = 10;
  EXPECT_EQ(BackoffMs(policy, 400, 0.5), 8000) << "10^399 is not a double any more";
  policy.factor = 1;
  EXPECT_EQ(BackoffMs(policy, 1'000'000, 0.5), 1000);
}

TEST(Policy, JitterKeepsToItsBounds) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> chances(0, 1);
  for (int round = 0; round < 20'000; ++round) {
    Policy policy;
    policy.base_ms = static_cast<std::int64_t>(random() % 5000);
    policy.max_ms = static_cast<std::int64_t>(random() % 20'000);
    policy.jitter_add_ms = static_cast<std::int64_t>(random() % 1000);
    const int failed = 1 + static_cast<int>(random() % 12);
    const double chance = round == 0 ? 0.0 : chances(random);
    policy.jitter = Jitter::kNone;
    const std::int64_t plain = BackoffMs(policy, failed, chance);
    ASSERT_LE(plain, policy.max_ms);
    policy.jitter = Jitter::kFull;
    const std::int64_t full = BackoffMs(policy, failed, chance);
    ASSERT_GE(full, 0);
    ASSERT_LE(full, plain);
    policy.jitter = Jitter::kEqual;
    const std::int64_t equal = BackoffMs(policy, failed, chance);
    ASSERT_GE(equal, plain / 2);
    ASSERT_LE(equal, plain);
    policy.jitter = Jitter::kAdd;
    const std::int64_t added = BackoffMs(policy, failed, chance);
    ASSERT_GE(added, plain);
    ASSERT_LE(added, plain + policy.jitter_add_ms);
  }
}

TEST(Policy, JitterUsesItsWholeRange) {
  Policy policy;
  policy.base_ms = policy.max_ms = 1000;
  const std::pair<Jitter, std::pair<std::int64_t, std::int64_t>> ranges[] = {{Jitter::kNone, {1000, 1000}},
                                                                             {Jitter::kFull, {0, 999}},
                                                                             {Jitter::kEqual, {500, 999}},
                                                                             {Jitter::kAdd, {1000, 1499}}};
  for (const auto& [jitter, range] : ranges) {
    policy.jitter = jitter;
    EXPECT_EQ(BackoffMs(policy, 1, 0), range.first);
    EXPECT_EQ(BackoffMs(policy, 1, 0.999999), range.second);
  }
}

TEST(Policy, TriesAreCountedInAll) {
  Policy policy;
  for (int failed = 1; failed < 4; ++failed) EXPECT_TRUE(NextDelayMs(policy, kOverload, failed, 0, 0));
  EXPECT_EQ(NextDelayMs(policy, kOverload, 4, 0, 0), std::nullopt);
  policy.attempts = 1;
  EXPECT_EQ(NextDelayMs(policy, kOverload, 1, 0, 0), std::nullopt);
}

TEST(Policy, RetryAfterCountsWhereItIsLonger) {
  EXPECT_EQ(NextDelayMs(Plain(), RateLimited(2500), 1, 0, 0), 2500);
  EXPECT_EQ(NextDelayMs(Plain(), RateLimited(2500), 3, 0, 0), 4000);
  EXPECT_EQ(NextDelayMs(Plain(), RateLimited(0), 1, 0, 0), 1000);
  EXPECT_EQ(NextDelayMs(Plain(), RateLimited(-1), 1, 0, 0), 1000);
}

TEST(Policy, ARetryAfterBeyondItsBoundEndsTheTries) {
  EXPECT_EQ(NextDelayMs(Plain(), RateLimited(60'000), 1, 0, 0), 60'000);
  EXPECT_EQ(NextDelayMs(Plain(), RateLimited(60'001), 1, 0, 0), std::nullopt);
  EXPECT_EQ(NextDelayMs(Plain(), RateLimited(std::int64_t{1} << 62), 1, 0, 0), std::nullopt);
}

TEST(Policy, NoTryBeginsAfterTheTimeIsUp) {
  Policy policy = Plain();
  policy.max_elapsed_ms = 10'000;
  EXPECT_EQ(NextDelayMs(policy, kOverload, 4, 2000, 0), 8000);
  EXPECT_EQ(NextDelayMs(policy, kOverload, 4, 2001, 0), std::nullopt);
  EXPECT_EQ(NextDelayMs(policy, RateLimited(9000), 1, 1001, 0), std::nullopt) << "Retry-After counts too";
  policy.max_elapsed_ms = 0;
  EXPECT_EQ(NextDelayMs(policy, kOverload, 4, std::int64_t{1} << 50, 0), 8000) << "0 is no bound";
}

// A whole run of tries that all fail, over any policy: it ends, within its tries and its time, and no wait is
// shorter than the platform asked for or longer than both it and the policy say.
TEST(Policy, ARunOfTriesKeepsEveryBound) {
  std::mt19937_64 random(17);
  std::uniform_real_distribution<double> chances(0, 1);
  const auto up_to = [&](std::uint64_t most) { return static_cast<std::int64_t>(random() % (most + 1)); };
  for (int round = 0; round < 5000; ++round) {
    Policy policy;
    policy.attempts = 1 + static_cast<int>(up_to(20));
    policy.base_ms = up_to(2000);
    policy.factor = 1 + chances(random) * 4;
    policy.max_ms = up_to(10'000);
    policy.jitter = static_cast<Jitter>(random() % 4);
    policy.jitter_add_ms = up_to(1000);
    policy.max_elapsed_ms = random() % 2 == 0 ? 0 : 1 + up_to(30'000);
    policy.max_retry_after_ms = up_to(5000);
    std::int64_t elapsed_ms = 0;
    int tries = 0;
    for (;;) {
      ++tries;
      elapsed_ms += up_to(500);  // the try itself
      const Error error = random() % 3 == 0 ? RateLimited(up_to(6000)) : kOverload;
      const auto wait_ms = NextDelayMs(policy, error, tries, elapsed_ms, chances(random));
      if (!wait_ms) {
        const bool asks_too_much = error.retry_after_ms > policy.max_retry_after_ms;
        ASSERT_TRUE(tries == policy.attempts || asks_too_much || policy.max_elapsed_ms > 0);
        break;
      }
      ASSERT_LE(error.retry_after_ms, policy.max_retry_after_ms);
      ASSERT_GE(*wait_ms, std::max<std::int64_t>(error.retry_after_ms, 0));
      const std::int64_t added = policy.jitter == Jitter::kAdd ? policy.jitter_add_ms : 0;
      ASSERT_LE(*wait_ms, std::max(policy.max_ms + added, error.retry_after_ms));
      elapsed_ms += *wait_ms;
      if (policy.max_elapsed_ms > 0) {
        ASSERT_LE(elapsed_ms, policy.max_elapsed_ms) << "the next try begins in time";
      }
      ASSERT_LT(tries, policy.attempts);
    }
  }
}

TEST(Policy, OnlyWhatATryCanMendIsTriedAgain) {
  for (const ErrorInfo& row : ErrorTable()) {
    const auto code = static_cast<ErrorCode>(&row - ErrorTable().data());
    EXPECT_EQ(NextDelayMs(Plain(), {.code = code, .message = {}}, 1, 0, 0).has_value(), row.retryable)
        << row.name;
  }
  for (int status = 300; status < 600; ++status) {
    const Error error{.code = CodeForStatus(status), .message = {}, .status = status};
    const bool again = status == 408 || status == 429 || (status >= 500 && status != 501);
    EXPECT_EQ(NextDelayMs(Plain(), error, 1, 0, 0).has_value(), again) << status;
  }
}

TEST(Policy, AUsersListReplacesTheTable) {
  Policy policy = Plain();
  policy.on = RetryOn{.statuses = {404, 429}, .network = true, .timeout = false};
  const auto again = [&](ErrorCode code, int status = 0) {
    return NextDelayMs(policy, {.code = code, .message = {}, .status = status}, 1, 0, 0).has_value();
  };
  EXPECT_TRUE(again(ErrorCode::kNotFound, 404));
  EXPECT_TRUE(again(ErrorCode::kRateLimited, 429));
  EXPECT_FALSE(again(ErrorCode::kUpstreamError, 503));
  EXPECT_TRUE(again(ErrorCode::kConnectionFailed));
  EXPECT_TRUE(again(ErrorCode::kDnsFailed));
  EXPECT_TRUE(again(ErrorCode::kMalformedResponse));
  EXPECT_FALSE(again(ErrorCode::kTimeout));
  EXPECT_FALSE(again(ErrorCode::kTlsFailed));
  policy.on = RetryOn{.statuses = {}, .network = false, .timeout = true};
  EXPECT_TRUE(again(ErrorCode::kTimeout));
  EXPECT_FALSE(again(ErrorCode::kTimeout, 408)) << "a status is named by its number";
  EXPECT_FALSE(again(ErrorCode::kConnectionFailed));
  policy.attempts = 1;
  EXPECT_FALSE(again(ErrorCode::kTimeout));
}

}  // namespace
}  // namespace trunkline::retry
