// Random bytes: no repeats within a block, between threads or after a fork; shapes and bounds hold.
#include "crypto/random.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>
#include <thread>
#include <vector>

namespace trunkline::crypto {
namespace {

TEST(Random, UuidsHaveTheShapeOfVersion4AndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = RandomUuid();
    ASSERT_EQ(id.size(), 36U);
    for (std::size_t k = 0; k < id.size(); ++k) {
      const bool dash = k == 8 || k == 13 || k == 18 || k == 23;
      ASSERT_TRUE(dash ? id[k] == '-'
                       : std::string_view("0123456789abcdef").find(id[k]) != std::string_view::npos)
          << id;
    }
    EXPECT_EQ(id[14], '4');
    EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(Random, FillsEverySize) {
  for (const std::size_t size : {0U, 1U, 7U, 1023U, 1024U, 1025U, 5000U, 100'000U}) {
    std::vector<std::uint8_t> a(size), b(size);
    RandomBytes(a);
    RandomBytes(b);
    if (size >= 7) {
      EXPECT_NE(a, b) << size;
    }
  }
}

TEST(Random, BelowStaysBelowAndReachesEveryValue) {
  EXPECT_EQ(RandomBelow(0), 0U);
  EXPECT_EQ(RandomBelow(1), 0U);
  std::array<int, 6> counts{};
  for (int i = 0; i < 6000; ++i) ++counts.at(RandomBelow(6));
  // 1000 expected each; 200 off would be seven standard deviations.
  for (const int count : counts) EXPECT_NEAR(count, 1000, 200);
  for (int i = 0; i < 100; ++i) EXPECT_LT(RandomBelow(UINT64_MAX), UINT64_MAX);
}

TEST(Random, ThreadsDoNotShareABlock) {
  std::string here = RandomUuid(), there;
  std::thread([&] { there = RandomUuid(); }).join();
  EXPECT_NE(here, there);
}

TEST(Random, AForkedChildDrawsItsOwn) {
  RandomUuid();  // so that there is a block to inherit
  int channel[2];
  ASSERT_EQ(pipe(channel), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string id = RandomUuid();
    const bool written = write(channel[1], id.data(), id.size()) == static_cast<ssize_t>(id.size());
    _exit(written ? 0 : 1);
  }
  const std::string here = RandomUuid();
  std::string there(36, '\0');
  ASSERT_EQ(read(channel[0], there.data(), there.size()), 36);
  int status = 0;
  waitpid(child, &status, 0);
  close(channel[0]);
  close(channel[1]);
  EXPECT_NE(here, there);
}

}  // namespace
}  // namespace trunkline::crypto
