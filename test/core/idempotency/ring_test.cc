// The ring: its rules one by one, and then random work against a model that is too simple to be wrong.
#include "idempotency/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/manual_clock.h"

namespace trunkline::idempotency {
namespace {

using test::ManualClock;

Ring Make(std::size_t capacity, const Clock& clock, std::int64_t ttl_ms = 1000) {
  return std::move(Ring::Create({capacity, ttl_ms, SipKey{1, 2}}, clock)).value();
}

std::string ToText(const Result<Claim>& claim) {
  if (!claim.ok()) return std::string(Describe(claim.error().code).name);
  switch (*claim) {
    case Claim::kClaimed:
      return "claimed";
    case Claim::kInFlight:
      return "in-flight";
    case Claim::kDone:
      return "done";
  }
  return "?";
}
std::string Try(Ring& ring, std::string_view id) { return ToText(ring.TryClaim(id)); }

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

// What the ring promises, with a list in place of every cleverness. Lifetimes under 4096 ms, where ticks are
// 1 ms and nothing is rounded; capacities up to the sweep's 16, so that whatever expired is gone after any
// operation.
class Model {
 public:
  Model(std::size_t capacity, std::int64_t ttl_ms) : capacity_(capacity), ttl_ms_(ttl_ms) {}

  void Advance(std::int64_t wall_ms) {
    now_ = std::max(now_, wall_ms);
    std::erase_if(entries_, [&](const Entry& entry) { return now_ - entry.at >= ttl_ms_; });
  }
  std::string Try(const std::string& id) {
    if (const auto found = Find(id); found != entries_.end()) return found->done ? "done" : "in-flight";
    if (entries_.size() == capacity_) {
      const auto oldest =
          std::find_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.done; });
      if (oldest == entries_.end()) return "QUEUE_FULL";
      entries_.erase(oldest);
      ++evicted;
    }
    entries_.push_back({id, now_, false});
    return "claimed";
  }
  bool Complete(const std::string& id) {
    if (!Release(id)) return false;
    entries_.push_back({id, now_, true});
    return true;
  }
  bool Release(const std::string& id) {
    const auto found = Find(id);
    if (found == entries_.end() || found->done) return false;
    entries_.erase(found);
    return true;
  }
  std::size_t size() const { return entries_.size(); }
  std::uint64_t evicted = 0;

 private:
  struct Entry {
    std::string id;
    std::int64_t at;
    bool done;
  };
  std::deque<Entry>::iterator Find(const std::string& id) {
    return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.id == id; });
  }
  std::deque<Entry> entries_;  // in the order of claim or completion
  std::size_t capacity_;
  std::int64_t ttl_ms_;
  std::int64_t now_ = std::numeric_limits<std::int64_t>::min();
};

TEST(Ring, AgreesWithTheModel) {
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t bound) { return random() % bound; };
    ManualClock clock;
    const std::size_t capacity = 1 + below(16);
    const std::int64_t ttl_ms = 1 + below(below(2) ? 50 : 4000);
    Ring ring =
        std::move(Ring::Create({capacity, ttl_ms, SipKey{seed, ~std::uint64_t{seed}}}, clock)).value();
    Model model(capacity, ttl_ms);
    model.Advance(clock.wall_ms);
    const std::uint32_t ids = 1 + below(40);
    for (int step = 0; step < 1500; ++step) {
      switch (below(20)) {
        case 0:
          clock.Advance(below(static_cast<std::uint32_t>(ttl_ms) + 2));
          break;
        case 1:
          clock.Advance(-static_cast<std::int64_t>(below(100)));
          break;
        case 2:
          if (below(10) == 0) clock.Advance(ttl_ms + below(3));
          if (below(100) == 0) clock.Advance((std::int64_t{1} << 31) + below(100) - 50);
          break;
        default:
          clock.Advance(below(3));
          break;
      }
      const std::string id = std::to_string(below(ids));
      model.Advance(clock.wall_ms);
      switch (below(5)) {
        case 0:
          ASSERT_EQ(ring.Complete(id), model.Complete(id)) << "seed " << seed << " step " << step;
          break;
        case 1:
          ASSERT_EQ(ring.Release(id), model.Release(id)) << "seed " << seed << " step " << step;
          break;
        default:
          ASSERT_EQ(Try(ring, id), model.Try(id)) << "seed " << seed << " step " << step;
          break;
      }
      ASSERT_EQ(ring.size(), model.size()) << "seed " << seed << " step " << step;
      ASSERT_EQ(ring.evicted(), model.evicted) << "seed " << seed << " step " << step;
    }
  }
}

TEST(Ring, AgreesWithTheModelOnLongProbes) {
  // Larger, with many deletions in the middle of clusters; no expiry, so that the model stays exact past the
  // sweep.
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    ManualClock clock;
    Ring ring = std::move(Ring::Create({200, 4000, SipKey{seed, 7}}, clock)).value();
    Model model(200, 4000);
    model.Advance(clock.wall_ms);
    for (int step = 0; step < 20'000; ++step) {
      const std::string id = std::to_string(random() % 400);
      switch (random() % 6) {
        case 0:
          ASSERT_EQ(ring.Complete(id), model.Complete(id));
          break;
        case 1:
          ASSERT_EQ(ring.Release(id), model.Release(id));
          break;
        default:
          ASSERT_EQ(Try(ring, id), model.Try(id)) << "seed " << seed << " step " << step;
          break;
      }
      ASSERT_EQ(ring.size(), model.size());
    }
  }
}

}  // namespace
}  // namespace trunkline::idempotency
