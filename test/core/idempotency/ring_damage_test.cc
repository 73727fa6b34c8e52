// A ring's file that is damaged, and a disk that has no room for one.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "idempotency/ring.h"
#include "idempotency/ring_in_file.h"
#include "idempotency/ring_layout.h"
#include "idempotency/ring_support.h"

namespace trunkline::idempotency {
namespace {

using RingDamaged = RingInFile;
using RingOnFullDisk = RingInFile;

TEST_F(RingDamaged, AFileCutOffAnywhereIsAFreshRing) {
  LeaveBehind();
  const std::string whole = Bytes();
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += bytes < 200 ? 7 : 211) {
    Replace(whole.substr(0, bytes));
    ASSERT_NO_FATAL_FAILURE(ExpectFresh(Map(kFirst))) << bytes;
  }
}

// Either nothing is lost or nothing is believed: then the stored rows say it anew.
TEST_F(RingDamaged, NoFlippedBitLosesAnId) {
  LeaveBehind();
  const std::string whole = Bytes();
  const std::size_t block = whole.size() - Layout::Bytes(8);
  int fresh = 0;
  for (std::size_t at = 0; at < whole.size(); at += at == 511 ? block - at : 1) {
    for (const int bit : {0, 3, 6, 7}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
      Replace(bytes);
      auto ring = Map(kFirst);
      ASSERT_TRUE(ring.ok());
      if (ring->fresh()) {
        ++fresh;
        ASSERT_EQ(ring->size(), 0U);
        continue;
      }
      ASSERT_EQ(LookAt(*ring, "old"), "done") << "byte " << at << ", bit " << bit;
      ASSERT_EQ(LookAt(*ring, "open"), "0's") << "byte " << at << ", bit " << bit;
    }
  }
  EXPECT_GT(fresh, 4 * static_cast<int>(2 * sizeof(Slot))) << "the two slots in use, at least";
}

TEST_F(RingDamaged, APartThatIsZerosIsAFreshRing) {
  LeaveBehind();
  const std::string whole = Bytes();
  const std::size_t block = whole.size() - Layout::Bytes(8);
  const std::pair<std::size_t, std::size_t> parts[] = {{0, 512},
                                                       {0, whole.size()},
                                                       {block, sizeof(Header)},
                                                       {block + sizeof(Header), sizeof(Slot)},
                                                       {block, whole.size() - block}};
  for (const auto& [from, count] : parts) {
    Replace(std::string(whole).replace(from, count, count, '\0'));
    ASSERT_NO_FATAL_FAILURE(ExpectFresh(Map(kFirst))) << from << " and " << count;
  }
}

TEST_F(RingDamaged, WhoJoinsOthersIsToldAndHarmsNobody) {
  LeaveBehind();
  Ring first = Opened(kFirst);
  std::string bytes = Bytes();
  bytes[sizeof(std::uint64_t) * 5] ^= 1;  // in the key
  std::fstream(path_, std::ios::binary | std::ios::in | std::ios::out) << bytes.substr(0, 64);
  ExpectRefused(ErrorCode::kStoreUnavailable, "is damaged");
  EXPECT_EQ(Try(first, "old"), "done") << "who has it goes on with the key that he began with";
}

// Whatever lies there: no crash, no endless loop, and a ring that works.
TEST_F(RingDamaged, FlippedBytes) {
  LeaveBehind();
  const std::string whole = Bytes();
  const std::size_t block = whole.size() - Layout::Bytes(8);
  std::mt19937 random(4);
  for (int round = 0; round < 500; ++round) {
    std::string bytes = whole;
    // One here and there, or a good part of it, mostly behind the file's first page; or an id twice.
    const std::size_t count = round % 3 == 0 ? 1 : 1 + random() % 100;
    const std::size_t from = round % 5 == 0 ? 0 : block;
    for (std::size_t i = 0; i < count; ++i) {
      bytes[from + random() % (bytes.size() - from)] = static_cast<char>(random() % 2 ? random() : 255);
    }
    if (round % 7 == 0)
      bytes.replace(block + sizeof(Header) + sizeof(Slot), sizeof(Slot), whole, block + sizeof(Header),
                    sizeof(Slot));
    Replace(bytes);
    auto ring = Map(kFirst);
    ASSERT_TRUE(ring.ok());
    ASSERT_EQ(CheckRingFile(path_, 8, 1000), "") << round;
    ring->MarkRestored();
    Ring second = Opened(kSecond);
    for (int i = 0; i < 20; ++i) {
      const std::string id = std::to_string(i);
      ASSERT_TRUE(ring->TryClaim(id).ok()) << round;
      ASSERT_NE(Try(second, id), "claimed") << "nobody else has it: " << round;
      const std::string state = LookAt(*ring, id);
      ASSERT_EQ(ring->Complete(id), state == "0's" || state == "0's, stored") << round;
      clock_.Advance(i);
    }
    clock_.Advance(-190);
    ASSERT_EQ(CheckRingFile(path_, 8, 1000), "") << round;
  }
}

TEST_F(RingDamaged, WhatCannotBeMadeSaysWhy) {
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

TEST_F(RingOnFullDisk, ALimitOfTheFilesSizeIsAnError) {
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

TEST_F(RingOnFullDisk, AFullDiskIsAnErrorAtTheStartAndNeverASignalLater) {
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
