// The circuit breaker: by example, and against any order of calls and reports.
#include "retry/circuit_breaker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <random>

namespace trunkline::retry {
namespace {

constexpr BreakerOptions kThreeInASecond{.failures = 3, .window_ms = 1000, .open_ms = 5000};

CircuitBreaker OpenedAt(std::int64_t now_ms) {
  CircuitBreaker breaker(kThreeInASecond);
  for (int i = 0; i < 3; ++i) breaker.Failed(now_ms);
  return breaker;
}

TEST(CircuitBreaker, LetsEveryoneThroughWhileItIsClosed) {
  CircuitBreaker breaker(kThreeInASecond);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(breaker.Allow(0));
  EXPECT_EQ(breaker.OpenForMs(0), 0);
  breaker.Failed(0);
  breaker.Failed(0);
  EXPECT_TRUE(breaker.Allow(0));
}

TEST(CircuitBreaker, OpensAfterFailuresWithinTheWindow) {
  CircuitBreaker breaker(kThreeInASecond);
  breaker.Failed(100);
  breaker.Failed(600);
  breaker.Failed(1099);
  EXPECT_FALSE(breaker.Allow(1099));
  EXPECT_EQ(breaker.OpenForMs(1099), 5000);
  EXPECT_EQ(breaker.OpenForMs(6098), 1);
  EXPECT_FALSE(breaker.Allow(6098));
  EXPECT_EQ(breaker.OpenForMs(6099), 0);
}

TEST(CircuitBreaker, FailuresFurtherApartDoNotOpenIt) {
  CircuitBreaker breaker(kThreeInASecond);
  for (std::int64_t now = 0; now < 100'000; now += 500) {
    breaker.Failed(now);
    ASSERT_TRUE(breaker.Allow(now)) << "the third last was a whole second ago";
  }
  breaker.Failed(99'501);
  EXPECT_FALSE(breaker.Allow(99'501));
}

TEST(CircuitBreaker, SuccessesInBetweenTakeNothingBack) {
  CircuitBreaker breaker(kThreeInASecond);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(breaker.Allow(i));
    breaker.Succeeded(i);
    breaker.Failed(i);
  }
  EXPECT_FALSE(breaker.Allow(3));
}

TEST(CircuitBreaker, HalfOpenLetsOneThrough) {
  CircuitBreaker breaker = OpenedAt(0);
  EXPECT_TRUE(breaker.Allow(5000));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(breaker.Allow(5000 + i));
  EXPECT_EQ(breaker.OpenForMs(5000), 5000) << "until the probe is given up";
}

TEST(CircuitBreaker, AProbesSuccessClosesItWithACleanSlate) {
  CircuitBreaker breaker = OpenedAt(0);
  ASSERT_TRUE(breaker.Allow(5000));
  breaker.Succeeded(5100);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(breaker.Allow(5100));
  breaker.Failed(5100);
  breaker.Failed(5100);
  EXPECT_TRUE(breaker.Allow(5100)) << "two failures, not five";
  breaker.Failed(5100);
  EXPECT_FALSE(breaker.Allow(5100));
}

TEST(CircuitBreaker, AProbesFailureOpensItAgain) {
  CircuitBreaker breaker = OpenedAt(0);
  ASSERT_TRUE(breaker.Allow(5000));
  breaker.Failed(5100);
  EXPECT_EQ(breaker.OpenForMs(5100), 5000);
  EXPECT_FALSE(breaker.Allow(10'099));
  EXPECT_TRUE(breaker.Allow(10'100));
  EXPECT_FALSE(breaker.Allow(10'100));
}

TEST(CircuitBreaker, AnAbandonedProbeMakesRoomForAnother) {
  CircuitBreaker breaker = OpenedAt(0);
  ASSERT_TRUE(breaker.Allow(5000));
  breaker.Abandoned();
  EXPECT_EQ(breaker.OpenForMs(5001), 0);
  EXPECT_TRUE(breaker.Allow(5001));
  EXPECT_FALSE(breaker.Allow(5001));
}

TEST(CircuitBreaker, AbandonedCallsChangeNothingOtherwise) {
  CircuitBreaker breaker(kThreeInASecond);
  for (int i = 0; i < 10; ++i) breaker.Abandoned();
  EXPECT_TRUE(breaker.Allow(0));
  CircuitBreaker open = OpenedAt(0);
  open.Abandoned();
  EXPECT_FALSE(open.Allow(4999));
}

TEST(CircuitBreaker, AProbeThatNeverReportsIsGivenUp) {
  CircuitBreaker breaker = OpenedAt(0);
  std::int64_t now = 5000;
  for (int i = 0; i < 10; ++i, now += 5000) {
    EXPECT_TRUE(breaker.Allow(now));
    EXPECT_FALSE(breaker.Allow(now + 4999));
  }
}

TEST(CircuitBreaker, LateReportsChangeNothingWhileItIsOpen) {
  CircuitBreaker breaker = OpenedAt(0);
  breaker.Succeeded(100);
  EXPECT_FALSE(breaker.Allow(100));
  for (int i = 0; i < 10; ++i) breaker.Failed(4000);
  EXPECT_EQ(breaker.OpenForMs(4000), 1000) << "no longer than for what opened it";
}

TEST(CircuitBreaker, AClockThatJumpsOrStandsStillDoesNoHarm) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  CircuitBreaker breaker = OpenedAt(10'000);
  EXPECT_EQ(breaker.OpenForMs(0), 5000) << "no longer than open_ms, even for a time before it opened";
  EXPECT_TRUE(breaker.Allow(kMost));
  breaker.Succeeded(kMost);
  for (int i = 0; i < 3; ++i) breaker.Failed(std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(breaker.Allow(kMost));
}

TEST(CircuitBreaker, OptionsOutsideTheirBoundsCountAsTheNearest) {
  CircuitBreaker breaker({.failures = 0, .window_ms = 0, .open_ms = -1});
  EXPECT_TRUE(breaker.Allow(0));
  breaker.Failed(0);
  EXPECT_FALSE(breaker.Allow(0));
  EXPECT_TRUE(breaker.Allow(1));
}

// Any order of calls, reports and pauses: closed it counts as a plain list would, and never are two probes
// let through within open_ms unless the first reported.
TEST(CircuitBreaker, KeepsItsPromisesInAnyOrder) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200; ++round) {
    const BreakerOptions options{.failures = static_cast<int>(1 + random() % 5),
                                 .window_ms = static_cast<std::int64_t>(1 + random() % 200),
                                 .open_ms = static_cast<std::int64_t>(1 + random() % 200)};
    CircuitBreaker breaker(options);
    enum class Model { kClosed, kOpen, kProbing } model = Model::kClosed;
    std::int64_t now = 0, since = 0;
    std::deque<std::int64_t> failures;
    const auto open = [&] { model = Model::kOpen, since = now, failures.clear(); };
    for (int step = 0; step < 400; ++step) {
      now += static_cast<std::int64_t>(random() % 30);
      const std::int64_t left =
          model == Model::kClosed ? 0 : std::max<std::int64_t>(since + options.open_ms - now, 0);
      ASSERT_EQ(breaker.OpenForMs(now), left);
      switch (random() % 4) {
        case 0:
        case 1:
          ASSERT_EQ(breaker.Allow(now), left == 0);
          if (left == 0 && model != Model::kClosed) model = Model::kProbing, since = now;
          break;
        case 2:
          breaker.Succeeded(now);
          if (model == Model::kProbing) model = Model::kClosed;
          break;
        default:
          breaker.Failed(now);
          if (model == Model::kProbing) {
            open();
          } else if (model == Model::kClosed) {
            failures.push_back(now);
            std::erase_if(failures, [&](std::int64_t at) { return now - at >= options.window_ms; });
            if (failures.size() >= static_cast<std::size_t>(options.failures)) open();
          }
      }
    }
  }
}

}  // namespace
}  // namespace trunkline::retry
