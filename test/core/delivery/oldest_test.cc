// The age of the oldest of many.
#include "delivery/oldest.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace trunkline::delivery {
namespace {

TEST(Oldest, OfNothingIsZero) {
  std::atomic<std::int64_t> since_ms{0};
  Oldest oldest(since_ms);
  Aged one;
  oldest.Add(one, 5);
  EXPECT_EQ(since_ms, 5);
  EXPECT_EQ(one.since_ms(), 5);
  oldest.Remove(one);
  EXPECT_EQ(since_ms, 0);
}

TEST(Oldest, WhoeverComesInWhateverOrder) {
  std::mt19937 random(7);
  std::atomic<std::int64_t> since_ms{0};
  Oldest oldest(since_ms);
  std::vector<Aged> all(200);
  std::vector<bool> in(all.size());
  std::multiset<std::int64_t> model;
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t i = random() % all.size();
    if (in[i]) {
      model.erase(model.find(all[i].since_ms()));
      oldest.Remove(all[i]);
    } else {
      const std::int64_t since = 1 + static_cast<std::int64_t>(random() % 50);
      oldest.Add(all[i], since);
      model.insert(since);
    }
    in[i] = !in[i];
    ASSERT_EQ(since_ms, model.empty() ? 0 : *model.begin());
  }
}

TEST(Oldest, WhatIsDestroyedIsOut) {
  std::atomic<std::int64_t> since_ms{0};
  Oldest oldest(since_ms);
  Aged young;
  {
    Aged old;
    oldest.Add(old, 1);
  }
  oldest.Add(young, 2);
  EXPECT_EQ(since_ms, 2);
}

}  // namespace
}  // namespace trunkline::delivery
