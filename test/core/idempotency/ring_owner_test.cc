// Who claimed what: each owner's own entries, what is known of them, and what becomes of a dead owner's.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "idempotency/ring.h"
#include "idempotency/ring_support.h"
#include "support/manual_clock.h"
#include "support/temp_directory.h"

namespace trunkline::idempotency {
namespace {

using test::ManualClock;
using test::TempDirectory;

class RingOwners : public testing::Test {
 protected:
  Ring Owner(int owner) {
    Ring ring = std::move(Ring::Map(path_, {kCapacity, kTtlMs}, clock_,
                                    {.owner = owner, .alone = !made_, .boot_id = kBoot}))
                    .value();
    if (!made_) ring.MarkRestored();
    made_ = true;
    return ring;
  }
  void TearDown() override { EXPECT_EQ(CheckRingFile(path_, kCapacity, kTtlMs), ""); }

  static constexpr std::size_t kCapacity = 8;
  static constexpr std::int64_t kTtlMs = 1000;
  TempDirectory directory_;
  std::string path_ = directory_.path("ring");
  ManualClock clock_;
  bool made_ = false;
};

TEST_F(RingOwners, LookTellsWhoseItIsAndWhetherItIsOnDisk) {
  Ring one = Owner(1);
  Ring last = Owner(kMaxOwners - 1);
  EXPECT_EQ(one.owner(), 1);
  EXPECT_EQ(LookAt(last, "a"), "-");
  EXPECT_EQ(Try(one, "a"), "claimed");
  EXPECT_EQ(LookAt(one, "a"), "1's");
  EXPECT_EQ(LookAt(last, "a"), "1's");
  EXPECT_TRUE(one.MarkStored("a"));
  EXPECT_TRUE(one.MarkStored("a"));
  EXPECT_EQ(LookAt(last, "a"), "1's, stored");
  EXPECT_EQ(Try(last, "a"), "in-flight");
  EXPECT_EQ(Try(last, "b"), "claimed");
  EXPECT_TRUE(last.MarkStored("b"));
  EXPECT_EQ(LookAt(one, "b"), "127's, stored");
  EXPECT_TRUE(one.Complete("a"));
  EXPECT_EQ(LookAt(last, "a"), "done");
  clock_.Advance(kTtlMs);
  EXPECT_EQ(LookAt(last, "a"), "-");
  EXPECT_EQ(one.size(), 0U);
}

TEST_F(RingOwners, LookClaimsNothing) {
  Ring ring = Owner(0);
  EXPECT_EQ(LookAt(ring, "a"), "-");
  EXPECT_EQ(ring.size(), 0U);
  EXPECT_EQ(Try(ring, "a"), "claimed");
}

TEST_F(RingOwners, NobodyButTheClaimerEndsAClaim) {
  Ring one = Owner(1);
  Ring two = Owner(2);
  EXPECT_EQ(Try(one, "a"), "claimed");
  EXPECT_FALSE(two.MarkStored("a"));
  EXPECT_FALSE(two.Complete("a"));
  EXPECT_FALSE(two.Release("a"));
  EXPECT_EQ(LookAt(two, "a"), "1's");
  EXPECT_TRUE(one.Complete("a"));
  EXPECT_FALSE(one.MarkStored("a"));
  EXPECT_FALSE(one.Release("a"));
  EXPECT_EQ(LookAt(one, "a"), "done");
}

TEST_F(RingOwners, InMemoryAnEntryIsMarkedToo) {
  Ring ring = std::move(Ring::Create({4}, clock_)).value();
  EXPECT_TRUE(ring.fresh());
  ring.MarkRestored();
  EXPECT_FALSE(ring.fresh());
  EXPECT_EQ(Try(ring, "a"), "claimed");
  EXPECT_EQ(LookAt(ring, "a"), "0's");
  EXPECT_TRUE(ring.MarkStored("a"));
  EXPECT_EQ(LookAt(ring, "a"), "0's, stored");
  EXPECT_TRUE(ring.Restore("b", false, clock_.wall_ms));
  EXPECT_EQ(LookAt(ring, "b"), "0's, stored");
  EXPECT_FALSE(ring.MarkStored("never seen"));
  Owner(0);
}

TEST_F(RingOwners, TakeOverSettlesByWhatIsOnDisk) {
  Ring dead = Owner(1);
  Ring heir = Owner(2);
  Ring third = Owner(3);
  for (const char* id : {"finished", "unfinished", "stored too late to say", "never stored"}) Try(dead, id);
  dead.MarkStored("finished");
  dead.MarkStored("unfinished");
  Try(dead, "done before");
  dead.Complete("done before");
  Try(third, "another's");
  Try(heir, "own");

  const std::int64_t now = clock_.wall_ms;
  const std::vector<KnownId> known = {
      {"finished", true, now},     {"unfinished", false, now}, {"stored too late to say", false, now},
      {"done before", false, now}, {"another's", true, now},   {"own", false, now}};
  for (int time = 0; time < 2; ++time) {  // again does no harm
    heir.TakeOver(1, known);
    EXPECT_EQ(LookAt(heir, "finished"), "done");
    EXPECT_EQ(LookAt(heir, "unfinished"), "2's, stored");
    EXPECT_EQ(LookAt(heir, "stored too late to say"), "2's, stored");
    EXPECT_EQ(LookAt(heir, "never stored"), "-");
    EXPECT_EQ(LookAt(heir, "done before"), "done");
    EXPECT_EQ(LookAt(heir, "another's"), "3's");
    EXPECT_EQ(LookAt(heir, "own"), "2's");
  }
  // One that was thought dead.
  EXPECT_FALSE(dead.Complete("unfinished"));
  EXPECT_FALSE(dead.Release("unfinished"));
  EXPECT_EQ(Try(third, "never stored"), "claimed");
  EXPECT_FALSE(dead.Release("never stored"));
  EXPECT_TRUE(heir.Complete("unfinished"));
  EXPECT_TRUE(heir.Release("own"));
}

TEST_F(RingOwners, TakeOverOfTheOwnNumber) {
  {
    Ring dead = Owner(1);
    for (const char* id : {"finished", "unfinished", "never stored", "stored, and its row is gone"}) {
      Try(dead, id);
    }
    dead.MarkStored("unfinished");
    dead.MarkStored("stored, and its row is gone");
  }
  Ring heir = Owner(1);
  heir.TakeOver(
      1, std::vector<KnownId>{{"finished", true, clock_.wall_ms}, {"unfinished", false, clock_.wall_ms}});
  EXPECT_EQ(LookAt(heir, "finished"), "done");
  EXPECT_EQ(LookAt(heir, "unfinished"), "1's, stored");
  EXPECT_EQ(LookAt(heir, "never stored"), "-");
  EXPECT_EQ(LookAt(heir, "stored, and its row is gone"), "-");
  EXPECT_TRUE(heir.Complete("unfinished"));
}

TEST_F(RingOwners, TakenOverIdsKeepTheirAgeAndDoneOnesLiveAnew) {
  Ring dead = Owner(1);
  Ring heir = Owner(2);
  Try(dead, "unfinished");
  Try(dead, "finished");
  clock_.Advance(600);
  heir.TakeOver(1, std::vector<KnownId>{{"unfinished", false, 0}, {"finished", true, 0}});
  clock_.Advance(399);
  EXPECT_EQ(LookAt(heir, "unfinished"), "2's, stored");
  clock_.Advance(1);
  EXPECT_EQ(LookAt(heir, "unfinished"), "-");
  clock_.Advance(599);
  EXPECT_EQ(LookAt(heir, "finished"), "done");
  clock_.Advance(1);
  EXPECT_EQ(LookAt(heir, "finished"), "-");
}

TEST_F(RingOwners, TakeOverRestoresWhatTheRingDoesNotKnow) {
  Ring ring = Owner(5);
  const std::int64_t now = clock_.wall_ms;
  ring.TakeOver(4, std::vector<KnownId>{{"too old", true, now - kTtlMs},
                                        {"ages ago", false, std::numeric_limits<std::int64_t>::min()},
                                        {"older", true, now - 900},
                                        {"unfinished", false, now - 500},
                                        {"future", true, std::numeric_limits<std::int64_t>::max()}});
  EXPECT_EQ(LookAt(ring, "too old"), "-");
  EXPECT_EQ(LookAt(ring, "ages ago"), "-");
  EXPECT_EQ(LookAt(ring, "older"), "done");
  EXPECT_EQ(LookAt(ring, "unfinished"), "5's, stored");
  EXPECT_EQ(LookAt(ring, "future"), "done");
  // Late ones take their place at the end of the list, however old they are.
  ring.TakeOver(4, std::vector<KnownId>{{"late", false, now - 999}, {"late and done", true, now - 999}});
  clock_.Advance(499);
  EXPECT_EQ(LookAt(ring, "late"), "5's, stored");
  EXPECT_EQ(LookAt(ring, "older"), "-");
  clock_.Advance(1);
  EXPECT_EQ(LookAt(ring, "late"), "-");
  EXPECT_EQ(LookAt(ring, "late and done"), "done");
}

TEST_F(RingOwners, UnfinishedWorkTakesThePlaceOfDoneAndNotTheOtherWayRound) {
  Ring ring = Owner(0);
  for (int i = 0; i < 8; ++i) Try(ring, std::to_string(i));
  EXPECT_TRUE(ring.Complete("3"));
  EXPECT_FALSE(ring.Restore("done", true, clock_.wall_ms));
  EXPECT_EQ(LookAt(ring, "3"), "done");
  EXPECT_TRUE(ring.Restore("unfinished", false, clock_.wall_ms));
  EXPECT_EQ(LookAt(ring, "3"), "-");
  EXPECT_EQ(ring.evicted(), 1U);
  EXPECT_FALSE(ring.Restore("unfinished too", false, clock_.wall_ms)) << "all are in flight";
  EXPECT_EQ(ring.size(), 8U);
}

TEST_F(RingOwners, TakeOverOfNothing) {
  Ring ring = Owner(0);
  Try(ring, "a");
  ring.TakeOver(1, {});
  ring.TakeOver(-1, {});
  ring.TakeOver(kMaxOwners, {});
  EXPECT_EQ(LookAt(ring, "a"), "0's");
  ring.TakeOver(0, {});
  EXPECT_EQ(LookAt(ring, "a"), "-");
}

// More than TakeOver looks through at a time, with the slots of several owners in between.
TEST(RingTakeOver, OfManyAmongMany) {
  ManualClock clock;
  const TempDirectory directory;
  constexpr std::size_t kCapacity = 40'000;
  const std::string path = directory.path("ring");
  std::vector<Ring> rings;
  for (int owner = 0; owner < 3; ++owner) {
    rings.push_back(std::move(Ring::Map(path, {kCapacity, 1000}, clock,
                                        {.owner = owner, .alone = owner == 0, .boot_id = kBoot}))
                        .value());
  }
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kCapacity; ++i) ids.push_back("id" + std::to_string(i));
  std::vector<KnownId> known;
  for (std::size_t i = 0; i < kCapacity; ++i) {
    ASSERT_EQ(Try(rings[i % 3], ids[i]), "claimed");
    if (i % 4 < 2) known.push_back({ids[i], i % 4 == 0, clock.wall_ms});
  }
  rings[2].TakeOver(1, known);
  for (std::size_t i = 0; i < kCapacity; ++i) {
    const char* settled[] = {"done", "2's, stored", "-", "-"};
    const std::string expected = i % 3 == 1 ? settled[i % 4] : std::to_string(i % 3) + "'s";
    ASSERT_EQ(LookAt(rings[0], ids[i]), expected) << i;
  }
  EXPECT_EQ(CheckRingFile(path, kCapacity, 1000), "");
}

}  // namespace
}  // namespace trunkline::idempotency
