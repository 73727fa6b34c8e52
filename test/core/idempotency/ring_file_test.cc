// A ring in a file: who gets what is in there, who gets a fresh one, who is refused.
#include "idempotency/ring_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "idempotency/ring.h"
#include "idempotency/ring_in_file.h"
#include "idempotency/ring_support.h"

namespace trunkline::idempotency {
namespace {

TEST_F(RingInFile, TheFirstOneMakesIt) {
  Ring ring = Opened(kFirst);
  EXPECT_TRUE(ring.fresh());
  EXPECT_EQ(ring.size(), 0U);
  EXPECT_EQ(ring.capacity(), 8U);
  EXPECT_EQ(Try(ring, "a"), "claimed");
  EXPECT_EQ(Try(ring, "a"), "in-flight");
  EXPECT_TRUE(ring.Complete("a"));
  EXPECT_EQ(Try(ring, "a"), "done");
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U) << "the key in there is nobody else's business";
  EXPECT_GE(static_cast<std::uintmax_t>(status.st_blocks) * 512, static_cast<std::uintmax_t>(status.st_size))
      << "a hole would be a signal when the disk is full";
  EXPECT_GE(ring.memory_bytes(), static_cast<std::size_t>(status.st_size));
}

TEST_F(RingInFile, StaysWithinItsBytesAnId) {
  constexpr std::size_t kCapacity = 100'000;
  const Ring ring = std::move(Map(kFirst, {kCapacity})).value();
  EXPECT_LE(ring.memory_bytes(), kMaxBytesPerSlot * kCapacity);
  EXPECT_LE(std::filesystem::file_size(path_), kMaxBytesPerSlot * kCapacity);
}

TEST_F(RingInFile, OthersSeeWhatOneDoes) {
  Ring first = Opened(kFirst);
  first.MarkRestored();
  Ring second = Opened(kSecond);
  EXPECT_FALSE(second.fresh());
  EXPECT_EQ(Try(first, "a"), "claimed");
  EXPECT_EQ(Try(second, "a"), "in-flight");
  EXPECT_TRUE(first.Complete("a"));
  EXPECT_EQ(Try(second, "a"), "done");
  EXPECT_EQ(Try(second, "b"), "claimed");
  EXPECT_EQ(Try(first, "b"), "in-flight");
  EXPECT_EQ(first.size(), 2U);
  EXPECT_EQ(second.size(), 2U);
}

TEST_F(RingInFile, OutlivesItsProcesses) {
  LeaveBehind();
  Ring ring = Opened(kFirst);
  EXPECT_FALSE(ring.fresh());
  EXPECT_EQ(Try(ring, "old"), "done");
  EXPECT_EQ(Try(ring, "open"), "in-flight");
  EXPECT_EQ(ring.size(), 2U);
}

TEST_F(RingInFile, TheKeyOfAFileStays) {
  const RingOptions with_key{8, 1000, SipKey{1, 2}};
  {
    Ring ring = std::move(Map(kFirst, with_key)).value();
    ring.MarkRestored();
    EXPECT_EQ(Try(ring, "a"), "claimed");
  }
  Ring ring = std::move(Map(kFirst, {8, 1000, SipKey{3, 4}})).value();
  EXPECT_FALSE(ring.fresh());
  EXPECT_EQ(Try(ring, "a"), "in-flight");
}

TEST_F(RingInFile, AnotherCapacityLifetimeOrRunOfTheMachineIsAFreshRing) {
  for (const RingOptions& options : {RingOptions{9, 1000}, RingOptions{7, 1000}, RingOptions{8, 1001}}) {
    LeaveBehind();
    ExpectFresh(Map(kFirst, options));
    std::filesystem::remove(path_);
  }
  LeaveBehind();
  ExpectFresh(Map({.owner = 0, .alone = true, .boot_id = "the next boot"}));
}

TEST_F(RingInFile, AMachineThatDoesNotNameItsRunGivesAFreshRing) {
  const RingShare unnamed{.owner = 0, .alone = true, .boot_id = ""};
  Opened(unnamed).MarkRestored();
  ExpectFresh(Map(unnamed));
  const auto second = Map({.owner = 1, .alone = false, .boot_id = ""});
  EXPECT_TRUE(second.ok()) << "who lives beside another lives in the same run";
}

TEST_F(RingInFile, TheMachinesOwnRunIsTakenWhereNoneIsGiven) {
  Opened({.owner = 0, .alone = true}).MarkRestored();
  EXPECT_EQ(BootId().size(), 37U) << "a UUID and the end of its line";
  EXPECT_FALSE(Opened({.owner = 0, .alone = true}).fresh());
  EXPECT_FALSE(Opened({.owner = 0, .alone = true, .boot_id = BootId()}).fresh());
}

TEST_F(RingInFile, OtherTermsThanThoseInUseAreRefusedByName) {
  LeaveBehind();
  const Ring first = Opened(kFirst);
  ExpectRefused(ErrorCode::kConfigInvalid, "capacity: expected 8, ", {9, 1000});
  ExpectRefused(ErrorCode::kConfigInvalid, "ttlMs: expected 1000, ", {8, 2000});
  ExpectRefused(ErrorCode::kStoreUnavailable, "from before this machine started", kOptions, "other boot");
}

TEST_F(RingInFile, WithoutAGoodFileOnlyTheFirstGetsIn) {
  ExpectRefused(ErrorCode::kStoreUnavailable, "No such file");
  std::ofstream(path_) << "events";
  ExpectRefused(ErrorCode::kStoreUnavailable, "is not such a file");
  ExpectFresh(Map(kFirst));
  std::string other_version = Bytes();
  other_version[8] = 0x7f;
  Replace(other_version);
  ExpectRefused(ErrorCode::kStoreUnavailable, "another build");
  ExpectFresh(Map(kFirst));
  const auto bytes = std::filesystem::file_size(path_);
  std::filesystem::resize_file(path_, bytes - 1);
  ExpectRefused(ErrorCode::kStoreUnavailable, "another length");
}

TEST_F(RingInFile, OptionsOutOfRangeAreRefused) {
  for (const RingShare& share : {RingShare{-1, true}, RingShare{kMaxOwners, true}}) {
    const auto ring = Map(share);
    ASSERT_FALSE(ring.ok());
    EXPECT_EQ(ring.error().code, ErrorCode::kConfigInvalid);
    EXPECT_NE(ring.error().message.find("owner: expected 0 to 127"), std::string::npos);
  }
  EXPECT_EQ(Map(kFirst, {kMaxCapacity + 1}).error().code, ErrorCode::kConfigInvalid);
  EXPECT_EQ(Map(kFirst, {1, 0}).error().code, ErrorCode::kConfigInvalid);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(RingInFile, UntilItIsRestoredItIsFreshForEveryone) {
  {
    Ring killed = Opened(kFirst);
    EXPECT_TRUE(killed.Restore("some", true, clock_.wall_ms));
    EXPECT_TRUE(Opened(kSecond).fresh());
  }
  Ring ring = Opened(kFirst);
  EXPECT_TRUE(ring.fresh());
  EXPECT_EQ(ring.size(), 0U) << "half of what is known would pass for all of it";
  EXPECT_TRUE(ring.Restore("some", true, clock_.wall_ms));
  ring.MarkRestored();
  EXPECT_FALSE(ring.fresh());
  EXPECT_FALSE(Opened(kSecond).fresh());
}

TEST_F(RingInFile, ARingThatIsALifetimeAheadOfTheClockIsGivenUp) {
  clock_.Advance(5000);
  LeaveBehind();
  clock_.Advance(-1000);
  EXPECT_FALSE(Opened(kFirst).fresh());
  clock_.Advance(-1);
  ExpectFresh(Map(kFirst));
}

}  // namespace
}  // namespace trunkline::idempotency
