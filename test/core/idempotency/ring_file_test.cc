// A ring in a file: who gets what is in there, who gets a fresh one, who is refused.
#include "idempotency/ring_file.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
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

class RingInFile : public testing::Test {
 protected:
  Result<Ring> Map(const RingShare& share, RingOptions options = {}) {
    if (options.capacity == 0) options = kOptions;
    return Ring::Map(path_, options, clock_, share);
  }
  Ring Opened(const RingShare& share) { return std::move(Map(share)).value(); }

  // A ring that knows "old" (done) and "open" (in flight), and whose process is gone.
  void LeaveBehind() {
    Ring ring = Opened(kFirst);
    ring.MarkRestored();
    ASSERT_EQ(Try(ring, "old"), "claimed");
    ASSERT_TRUE(ring.Complete("old"));
    ASSERT_EQ(Try(ring, "open"), "claimed");
  }
  void ExpectFresh(Result<Ring> ring) {
    ASSERT_TRUE(ring.ok()) << ring.error().message;
    EXPECT_TRUE(ring->fresh());
    EXPECT_EQ(ring->size(), 0U);
    EXPECT_EQ(Try(*ring, "old"), "claimed");
    EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  }
  // Not alone: refused, and the message says why.
  void ExpectRefused(ErrorCode code, const std::string& why, const RingOptions& options = kOptions,
                     const char* boot = kBoot) {
    const auto ring = Map({.owner = 1, .alone = false, .boot_id = boot}, options);
    ASSERT_FALSE(ring.ok()) << why;
    EXPECT_EQ(ring.error().code, code) << ring.error().message;
    EXPECT_NE(ring.error().message.find(why), std::string::npos) << ring.error().message;
    EXPECT_NE(ring.error().message.find(path_), std::string::npos) << ring.error().message;
  }
  void Overwrite(std::uintmax_t at, const std::string& bytes) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
  }

  static constexpr RingOptions kOptions{8, 1000, {}};
  inline static const RingShare kFirst{.owner = 0, .alone = true, .boot_id = kBoot};
  inline static const RingShare kSecond{.owner = 1, .alone = false, .boot_id = kBoot};
  TempDirectory directory_;
  std::string path_ = directory_.path("events.ring");
  ManualClock clock_;
};

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
  Overwrite(8, "\x7f");
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

TEST_F(RingInFile, AFileCutOffAnywhereIsAFreshRing) {
  LeaveBehind();
  std::string whole(std::filesystem::file_size(path_), '\0');
  std::ifstream(path_, std::ios::binary).read(whole.data(), static_cast<std::streamsize>(whole.size()));
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += bytes < 200 ? 1 : 37) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole.substr(0, bytes);
    ASSERT_NO_FATAL_FAILURE(ExpectFresh(Map(kFirst))) << bytes;
  }
}

// Whatever lies there: no crash, no endless loop, and a ring that works.
TEST_F(RingInFile, FlippedBytes) {
  LeaveBehind();
  std::string whole(std::filesystem::file_size(path_), '\0');
  std::ifstream(path_, std::ios::binary).read(whole.data(), static_cast<std::streamsize>(whole.size()));
  const std::size_t block = whole.size() - Layout::Bytes(8);
  std::mt19937 random(4);
  for (int round = 0; round < 500; ++round) {
    std::string bytes = whole;
    // One here and there, or a good part of it; mostly behind the file's first page.
    const std::size_t count = round % 3 == 0 ? 1 : 1 + random() % 100;
    const std::size_t from = round % 5 == 0 ? 0 : block;
    for (std::size_t i = 0; i < count; ++i) {
      bytes[from + random() % (bytes.size() - from)] = static_cast<char>(random() % 2 ? random() : 255);
    }
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    auto ring = Map(kFirst);
    ASSERT_TRUE(ring.ok());
    ASSERT_EQ(CheckRingFile(path_, 8, 1000), "") << round;
    for (int i = 0; i < 20; ++i) {
      const std::string id = std::to_string(i);
      ASSERT_TRUE(ring->TryClaim(id).ok()) << round;
      const std::string state = LookAt(*ring, id);
      ASSERT_EQ(ring->Complete(id), state == "0's" || state == "0's, stored") << round;
      clock_.Advance(i);
    }
    clock_.Advance(-190);
    ASSERT_EQ(CheckRingFile(path_, 8, 1000), "") << round;
  }
}

TEST_F(RingInFile, WhatCannotBeMadeSaysWhy) {
  const auto missing = Ring::Map(directory_.path("no/such/place"), kOptions, clock_, kFirst);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kStoreUnavailable);
  EXPECT_NE(missing.error().message.find("No such file"), std::string::npos);
  std::filesystem::create_directory(path_);
  std::ofstream(path_ + "/kept") << "x";
  EXPECT_EQ(Map(kFirst).error().code, ErrorCode::kStoreUnavailable);
  EXPECT_TRUE(std::filesystem::exists(path_ + "/kept"));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

// Runs in a process of its own, since what it limits or mounts would stay. Its answer: how far it came.
template <typename Work>
int InChild(Work work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

constexpr int kNotAllowed = 77;

TEST_F(RingInFile, ALimitOfTheFilesSizeIsAnError) {
  LeaveBehind();
  EXPECT_EQ(InChild([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{64 * 1024, 64 * 1024};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return kNotAllowed;
              const auto ring = Map(kFirst, {100'000, 1000});
              if (ring.ok() || ring.error().code != ErrorCode::kStoreUnavailable) return 1;
              if (ring.error().hint.find("full") == std::string::npos) return 2;
              if (std::filesystem::exists(path_ + ".new")) return 3;
              return 0;
            }),
            0);
  EXPECT_FALSE(Opened(kFirst).fresh()) << "what was there is still there";
}

TEST_F(RingInFile, AFullDiskIsAnErrorAtTheStartAndNeverASignalLater) {
  const std::string disk = directory_.path("disk");
  std::filesystem::create_directory(disk);
  const int result = InChild([&] {
    if (geteuid() != 0 && unshare(CLONE_NEWUSER) != 0) return kNotAllowed;
    if (unshare(CLONE_NEWNS) != 0) return kNotAllowed;
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kNotAllowed;
    if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) return kNotAllowed;
    path_ = disk + "/events.ring";
    const auto large = Map(kFirst, {100'000, 1000});
    if (large.ok() || large.error().code != ErrorCode::kStoreUnavailable) return 1;
    if (large.error().hint.find("full") == std::string::npos) return 2;
    if (!std::filesystem::is_empty(disk)) return 3;
    constexpr std::size_t kCapacity = 20'000;
    auto ring = Map(kFirst, {kCapacity, 1000});
    if (!ring.ok()) return 4;
    std::ofstream rest(disk + "/rest");
    while (rest << std::string(4096, 'x') << std::flush) continue;
    for (std::size_t i = 0; i < kCapacity; ++i) {
      if (Try(*ring, std::to_string(i)) != "claimed") return 5;
    }
    return 0;
  });
  if (result == kNotAllowed) GTEST_SKIP() << "this process may not mount a file system of its own";
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace trunkline::idempotency
