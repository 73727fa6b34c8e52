// The ring in memory: its rules one by one.
#include "idempotency/ring.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "idempotency/ring_support.h"
#include "support/manual_clock.h"

namespace trunkline::idempotency {
namespace {

using test::ManualClock;

Ring Make(std::size_t capacity, const Clock& clock, std::int64_t ttl_ms = 1000) {
  return std::move(Ring::Create({capacity, ttl_ms, SipKey{1, 2}}, clock)).value();
}

TEST(Ring, ClaimCompleteAndRelease) {
  ManualClock clock;
  Ring ring = Make(4, clock);
  EXPECT_EQ(Try(ring, "a"), "claimed");
  EXPECT_EQ(Try(ring, "a"), "in-flight");
  EXPECT_TRUE(ring.Complete("a"));
  EXPECT_EQ(Try(ring, "a"), "done");
  EXPECT_FALSE(ring.Complete("a"));
  EXPECT_FALSE(ring.Release("a"));
  EXPECT_EQ(Try(ring, "b"), "claimed");
  EXPECT_TRUE(ring.Release("b"));
  EXPECT_FALSE(ring.Release("b"));
  EXPECT_FALSE(ring.Complete("b"));
  EXPECT_EQ(Try(ring, "b"), "claimed");
  EXPECT_FALSE(ring.Complete("never seen"));
  EXPECT_EQ(ring.size(), 2U);
}

TEST(Ring, DistinctIdsAreDistinct) {
  ManualClock clock;
  Ring ring = Make(64, clock);
  const std::string long_id(100'000, 'x');
  for (const std::string& id :
       {std::string("a"), std::string("a\0", 2), std::string("a\0b", 3), std::string("\0", 1),
        std::string("A"), long_id, long_id + "x", long_id + std::string(1, '\0'), std::string()}) {
    EXPECT_EQ(Try(ring, id), "claimed");
  }
  EXPECT_EQ(ring.size(), 9U);
}

TEST(Ring, OutOfRangeOptionsAreRefused) {
  ManualClock clock;
  for (const RingOptions& options :
       {RingOptions{0}, RingOptions{kMaxCapacity + 1}, RingOptions{std::numeric_limits<std::size_t>::max()},
        RingOptions{1, 0}, RingOptions{1, -1}, RingOptions{1, kMaxTtlMs + 1}}) {
    const auto ring = Ring::Create(options, clock);
    ASSERT_FALSE(ring.ok());
    EXPECT_EQ(ring.error().code, ErrorCode::kConfigInvalid);
  }
}

TEST(Ring, MemoryStaysWithinItsBound) {
  ManualClock clock;
  for (const std::size_t capacity : {1U, 2U, 3U, 100U, 65'536U, 100'000U}) {
    const Ring ring = Make(capacity, clock);
    EXPECT_EQ(ring.capacity(), capacity);
    EXPECT_LE(ring.memory_bytes(), kMaxBytesPerSlot * capacity + 256);
  }
}

TEST(Ring, KeysDifferFromRingToRing) {
  // Nothing to see from outside but that both work; the key itself never leaves.
  ManualClock clock;
  Ring a = std::move(Ring::Create({8}, clock)).value();
  Ring b = std::move(a);
  EXPECT_EQ(Try(b, "x"), "claimed");
  EXPECT_EQ(Try(b, "x"), "in-flight");
}

TEST(Ring, LifetimeRunsFromTheClaimAndAnewFromTheCompletion) {
  ManualClock clock;
  Ring ring = Make(4, clock, 1000);
  EXPECT_EQ(Try(ring, "a"), "claimed");
  clock.Advance(999);
  EXPECT_EQ(Try(ring, "a"), "in-flight");
  EXPECT_TRUE(ring.Complete("a"));
  clock.Advance(999);
  EXPECT_EQ(Try(ring, "a"), "done");
  clock.Advance(1);
  EXPECT_EQ(Try(ring, "a"), "claimed");
  clock.Advance(1000);
  EXPECT_FALSE(ring.Complete("a")) << "an id whose lifetime ended is not in flight any more";
  EXPECT_EQ(Try(ring, "a"), "claimed");
}

TEST(Ring, AnIdLivesItsTimeAndAtMostOnePart4096Longer) {
  constexpr std::int64_t kDay = 86'400'000;
  for (const std::int64_t phase : {0, 1, 7, 21'092, 21'093, 21'094, 40'000'000}) {
    ManualClock clock;
    Ring ring = Make(4, clock, kDay);
    clock.Advance(phase);
    EXPECT_EQ(Try(ring, "a"), "claimed");
    clock.Advance(kDay - 1);
    EXPECT_EQ(Try(ring, "a"), "in-flight") << phase;
    clock.Advance(kDay / 4096 + 1);
    EXPECT_EQ(Try(ring, "a"), "claimed") << phase;
  }
}

TEST(Ring, AtCapacityTheFirstCompletedGivesWay) {
  ManualClock clock;
  Ring ring = Make(3, clock);
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(Try(ring, id), "claimed");
  EXPECT_EQ(Try(ring, "d"), "QUEUE_FULL");
  EXPECT_EQ(Try(ring, "a"), "in-flight") << "a full ring still knows its own";
  EXPECT_TRUE(ring.Complete("b"));
  EXPECT_TRUE(ring.Complete("a"));
  EXPECT_EQ(Try(ring, "d"), "claimed");
  EXPECT_EQ(ring.evicted(), 1U);
  EXPECT_EQ(Try(ring, "a"), "done");
  EXPECT_EQ(Try(ring, "b"), "claimed") << "b was forgotten; a gives way for it now";
  EXPECT_EQ(ring.evicted(), 2U);
  EXPECT_EQ(Try(ring, "a"), "QUEUE_FULL");
  EXPECT_EQ(ring.size(), 3U);
  EXPECT_TRUE(ring.Release("c"));
  EXPECT_EQ(Try(ring, "a"), "claimed");
  EXPECT_EQ(ring.evicted(), 2U);
}

TEST(Ring, ExpiredEntriesInFlightGiveWayUncounted) {
  ManualClock clock;
  Ring ring = Make(2, clock);
  Try(ring, "a");
  Try(ring, "b");
  EXPECT_EQ(Try(ring, "c"), "QUEUE_FULL");
  clock.Advance(1000);
  EXPECT_EQ(Try(ring, "c"), "claimed");
  EXPECT_EQ(ring.size(), 1U);
  EXPECT_EQ(ring.evicted(), 0U);
}

TEST(Ring, ACapacityOfOneWorks) {
  ManualClock clock;
  Ring ring = Make(1, clock);
  for (int i = 0; i < 100; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_EQ(Try(ring, id), "claimed");
    EXPECT_EQ(Try(ring, "other"), "QUEUE_FULL");
    EXPECT_TRUE(ring.Complete(id));
    EXPECT_EQ(Try(ring, id), "done");
  }
  EXPECT_EQ(ring.evicted(), 99U);
}

TEST(Ring, AClockThatGoesBackStandsStill) {
  ManualClock clock;
  Ring ring = Make(4, clock);
  clock.Advance(5000);
  EXPECT_EQ(Try(ring, "a"), "claimed");
  clock.Advance(-4'000'000);
  EXPECT_EQ(Try(ring, "a"), "in-flight");
  EXPECT_EQ(Try(ring, "b"), "claimed");
  clock.Advance(4'000'000 + 999);
  EXPECT_EQ(Try(ring, "a"), "in-flight");
  clock.Advance(1);
  EXPECT_EQ(Try(ring, "a"), "claimed");
}

TEST(Ring, APauseOfALifetimeForgetsEverything) {
  for (const std::size_t count : {1U, 16U, 17U, 1000U}) {
    // The longer ones are multiples of what a stamp can count, where an old one would look fresh.
    for (const std::int64_t pause :
         {std::int64_t{1001}, std::int64_t{1} << 31, (std::int64_t{1} << 31) * 5 + 3}) {
      ManualClock clock;
      Ring ring = Make(1000, clock);
      for (std::size_t i = 0; i < count; ++i) {
        Try(ring, std::to_string(i));
        if (i % 2 == 0) ring.Complete(std::to_string(i));
      }
      clock.Advance(pause);
      EXPECT_EQ(Try(ring, "0"), "claimed");
      EXPECT_EQ(ring.size(), 1U);
      for (std::size_t i = 1; i < count; ++i) ASSERT_EQ(Try(ring, std::to_string(i)), "claimed");
    }
  }
}

TEST(Ring, NoStampOutlivesItsWrap) {
  // Few operations, each just within a lifetime of the one before, until stamps have come round: nothing may
  // look fresh.
  ManualClock clock;
  constexpr std::int64_t kTtl = 4095;
  Ring ring = Make(100'000, clock, kTtl);
  for (int i = 0; i < 100'000; ++i) Try(ring, "old" + std::to_string(i));
  for (std::int64_t passed = 0; passed < (std::int64_t{1} << 31); passed += kTtl - 1) {
    clock.Advance(kTtl - 1);
    ring.Complete("nothing");
  }
  EXPECT_EQ(ring.size(), 0U);
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(Try(ring, "old" + std::to_string(i)), "claimed");
}

TEST(Ring, FillsAndTurnsOverAtFullLoad) {
  ManualClock clock;
  Ring ring = Make(10'000, clock, 1'000'000);
  for (int i = 0; i < 50'000; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_EQ(Try(ring, id), "claimed");
    ASSERT_TRUE(ring.Complete(id));
  }
  EXPECT_EQ(ring.size(), 10'000U);
  EXPECT_EQ(ring.evicted(), 40'000U);
  for (int i = 40'000; i < 50'000; ++i) ASSERT_EQ(Try(ring, std::to_string(i)), "done");
}

TEST(Ring, RestoresWhatAnEarlierRunKnew) {
  ManualClock clock;
  const std::int64_t now = clock.wall_ms;
  Ring ring = Make(4, clock, 1000);
  EXPECT_FALSE(ring.Restore("too old", true, now - 1000));
  EXPECT_FALSE(ring.Restore("ages ago", true, std::numeric_limits<std::int64_t>::min()));
  EXPECT_TRUE(ring.Restore("a", true, now - 999));
  EXPECT_TRUE(ring.Restore("b", false, now - 500));
  EXPECT_TRUE(ring.Restore("c", true, now - 400));
  EXPECT_FALSE(ring.Restore("c", true, now - 300)) << "known already";
  EXPECT_TRUE(ring.Restore("d", true, std::numeric_limits<std::int64_t>::max()))
      << "the future counts as now";
  EXPECT_FALSE(ring.Restore("e", true, now)) << "no room";
  EXPECT_EQ(ring.size(), 4U);
  EXPECT_EQ(Try(ring, "a"), "done");
  EXPECT_EQ(Try(ring, "b"), "in-flight");
  clock.Advance(1);
  EXPECT_EQ(Try(ring, "a"), "claimed");
  clock.Advance(499);
  EXPECT_EQ(Try(ring, "c"), "done");
  EXPECT_FALSE(ring.Complete("b"));
  clock.Advance(499);
  EXPECT_EQ(Try(ring, "d"), "done");
  clock.Advance(1);
  EXPECT_EQ(Try(ring, "d"), "claimed");
}

TEST(Ring, RestoredOutOfOrderIsAsOldAsTheOneBefore) {
  ManualClock clock;
  Ring ring = Make(4, clock, 1000);
  EXPECT_TRUE(ring.Restore("a", true, clock.wall_ms - 100));
  EXPECT_TRUE(ring.Restore("b", true, clock.wall_ms - 900));
  clock.Advance(899);
  EXPECT_EQ(Try(ring, "b"), "done");
  clock.Advance(1);
  EXPECT_EQ(Try(ring, "b"), "claimed");
}

}  // namespace
}  // namespace trunkline::idempotency
