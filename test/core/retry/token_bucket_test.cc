// The token bucket: never above the rate, never below it for who comes when told to, whatever the clock does.
#include "retry/token_bucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace trunkline::retry {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

int TakeAll(TokenBucket& bucket, std::int64_t now_ms) {
  int taken = 0;
  while (bucket.TakeOrWaitMs(now_ms) == 0) ++taken;
  return taken;
}

TEST(TokenBucket, GivesItsCapacityAtOnceThenOneAtATime) {
  TokenBucket bucket(300, 60'000, 1000);
  EXPECT_EQ(TakeAll(bucket, 1000), 300);
  EXPECT_EQ(bucket.TakeOrWaitMs(1000), 200);
  EXPECT_EQ(bucket.TakeOrWaitMs(1199), 1);
  EXPECT_EQ(bucket.TakeOrWaitMs(1200), 0);
  EXPECT_EQ(bucket.TakeOrWaitMs(1200), 200);
}

TEST(TokenBucket, ManyTokensAMillisecond) {
  TokenBucket bucket(10'000, 1000, 0);
  EXPECT_EQ(TakeAll(bucket, 0), 10'000);
  EXPECT_EQ(bucket.TakeOrWaitMs(0), 1);
  EXPECT_EQ(TakeAll(bucket, 1), 10);
  EXPECT_EQ(TakeAll(bucket, 4), 30);
}

TEST(TokenBucket, ARestFillsItToItsCapacityAndNotBeyond) {
  TokenBucket bucket(7, 1000, 0);
  TakeAll(bucket, 0);
  EXPECT_EQ(TakeAll(bucket, 1'000'000'000), 7);
  EXPECT_EQ(TakeAll(bucket, 1'000'000'500), 3);
}

TEST(TokenBucket, NothingIsRoundedAwayInTheLongRun) {
  for (const std::int64_t requests : {1, 3, 7, 300, 999, 1001}) {
    TokenBucket bucket(requests, 1000, 0);
    std::int64_t now = 0, taken = 0;
    // Everyone comes when told to: a second of each thousand brings `requests` more, exactly.
    while (now < 100'000) {
      const std::int64_t wait = bucket.TakeOrWaitMs(now);
      wait == 0 ? static_cast<void>(++taken) : static_cast<void>(now += wait);
    }
    taken += TakeAll(bucket, 100'000);
    EXPECT_EQ(taken, requests * 101) << requests;
  }
}

TEST(TokenBucket, WhoeverComesWhenToldToFindsATokenAndNotBefore) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 300; ++round) {
    const auto requests = static_cast<std::int64_t>(1 + random() % 50);
    const auto per_ms = static_cast<std::int64_t>(1 + random() % 5000);
    std::int64_t now = static_cast<std::int64_t>(random() % 1000);
    TokenBucket bucket(requests, per_ms, now);
    for (int step = 0; step < 100; ++step) {
      now += static_cast<std::int64_t>(random() % 20);
      if (random() % 16 == 0) bucket.Pause(now + static_cast<std::int64_t>(random() % 500));
      const std::int64_t wait = bucket.TakeOrWaitMs(now);
      ASSERT_GE(wait, 0);
      if (wait == 0) continue;
      if (wait > 1) {
        ASSERT_EQ(bucket.TakeOrWaitMs(now + wait - 1), 1);
      }
      now += wait;
      ASSERT_EQ(bucket.TakeOrWaitMs(now), 0) << requests << " per " << per_ms;
    }
  }
}

TEST(TokenBucket, NoSpanOfTimeSeesMoreThanPromised) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    const auto requests = static_cast<std::int64_t>(1 + random() % 20);
    const auto per_ms = static_cast<std::int64_t>(1 + random() % 200);
    TokenBucket bucket(requests, per_ms, 0);
    std::vector<std::int64_t> taken;
    std::int64_t now = 0;
    for (int step = 0; step < 300; ++step) {
      now += random() % 4 == 0 ? static_cast<std::int64_t>(random() % 300) : 0;
      if (random() % 8 == 0) bucket.Pause(now + static_cast<std::int64_t>(random() % 40));
      if (bucket.TakeOrWaitMs(now) == 0) taken.push_back(now);
    }
    for (std::size_t from = 0; from < taken.size(); ++from) {
      for (std::size_t to = from; to < taken.size(); ++to) {
        const auto count = static_cast<std::int64_t>(to - from + 1);
        ASSERT_LE(count, requests + (taken[to] - taken[from]) * requests / per_ms)
            << requests << " per " << per_ms;
      }
    }
  }
}

TEST(TokenBucket, APauseHoldsEveryoneAndCostsTheReserve) {
  TokenBucket bucket(10, 1000, 0);
  bucket.Pause(5000);
  EXPECT_EQ(bucket.TakeOrWaitMs(0), 5000);
  EXPECT_EQ(bucket.TakeOrWaitMs(4999), 1);
  EXPECT_EQ(bucket.TakeOrWaitMs(5000), 0);
  EXPECT_EQ(bucket.TakeOrWaitMs(5000), 100) << "one by one, not all at once";
}

TEST(TokenBucket, TheLongestPauseCounts) {
  TokenBucket bucket(10, 1000, 0);
  bucket.Pause(5000);
  bucket.Pause(3000);
  bucket.Pause(-1);
  EXPECT_EQ(bucket.TakeOrWaitMs(0), 5000);
  bucket.Pause(6000);
  EXPECT_EQ(bucket.TakeOrWaitMs(0), 6000);
}

TEST(TokenBucket, APauseThatIsOverChangesNothing) {
  TokenBucket bucket(10, 1000, 0);
  EXPECT_EQ(bucket.TakeOrWaitMs(5000), 0);
  bucket.Pause(5000);
  bucket.Pause(10);
  EXPECT_EQ(TakeAll(bucket, 5000), 9);
}

TEST(TokenBucket, APauseNeverBringsATokenForward) {
  TokenBucket bucket(10, 1000, 0);
  TakeAll(bucket, 0);
  bucket.Pause(1);
  EXPECT_EQ(bucket.TakeOrWaitMs(0), 100);
  EXPECT_EQ(bucket.TakeOrWaitMs(1), 99);
}

TEST(TokenBucket, TimeThatStandsStillGivesNothing) {
  TokenBucket bucket(2, 1000, 42);
  EXPECT_EQ(TakeAll(bucket, 42), 2);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(bucket.TakeOrWaitMs(42), 500);
}

TEST(TokenBucket, AClockThatGoesBackGivesNothingTwice) {
  TokenBucket bucket(2, 1000, 0);
  TakeAll(bucket, 10'000);
  EXPECT_EQ(bucket.TakeOrWaitMs(9'000), 1500);
  EXPECT_EQ(bucket.TakeOrWaitMs(10'499), 1);
  EXPECT_EQ(TakeAll(bucket, 10'500), 1);
}

TEST(TokenBucket, ExtremesStayWithinBounds) {
  TokenBucket most(kMost, kMost, kLeast);
  EXPECT_EQ(most.TakeOrWaitMs(kLeast), 0);
  EXPECT_EQ(most.TakeOrWaitMs(kMost), 0);
  EXPECT_EQ(most.TakeOrWaitMs(kLeast), kMost) << "the longest wait there is";
  TokenBucket least(-5, 0, 0);
  EXPECT_EQ(TakeAll(least, 0), 1) << "one a millisecond";
  EXPECT_EQ(TakeAll(least, kMost), 1);
  TokenBucket slow(1, TokenBucket::kMost, 0);
  EXPECT_EQ(TakeAll(slow, 0), 1);
  EXPECT_EQ(slow.TakeOrWaitMs(0), TokenBucket::kMost);
  slow.Pause(kMost);
  EXPECT_EQ(slow.TakeOrWaitMs(0), kMost);
}

}  // namespace
}  // namespace trunkline::retry
