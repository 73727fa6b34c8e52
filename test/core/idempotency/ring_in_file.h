// A directory with one ring's file, for the tests of what becomes of the file.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "idempotency/ring.h"
#include "idempotency/ring_support.h"
#include "support/manual_clock.h"
#include "support/temp_directory.h"

namespace trunkline::idempotency {

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
  std::string Bytes() const {
    std::string bytes(std::filesystem::file_size(path_), '\0');
    std::ifstream(path_, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
  }
  void Replace(const std::string& bytes) {
    std::filesystem::remove(path_);  // to write over a file would wait for the disk
    std::ofstream(path_, std::ios::binary) << bytes;
  }

  static constexpr RingOptions kOptions{8, 1000, {}};
  inline static const RingShare kFirst{.owner = 0, .alone = true, .boot_id = kBoot};
  inline static const RingShare kSecond{.owner = 1, .alone = false, .boot_id = kBoot};
  test::TempDirectory directory_;
  std::string path_ = directory_.path("events.ring");
  test::ManualClock clock_;
};

}  // namespace trunkline::idempotency
