// One turn for each key, in the order of joining.
#include "delivery/keyed_lines.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <vector>

namespace trunkline::delivery {
namespace {

TEST(KeyedLines, TheFirstOfEachKeyHasTheTurn) {
  KeyedLines lines;
  LineMember a, b, other;
  EXPECT_TRUE(lines.Join(a, "k"));
  EXPECT_FALSE(lines.Join(b, "k"));
  EXPECT_TRUE(lines.Join(other, "l"));
  EXPECT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines.Leave(a), &b);
  EXPECT_EQ(lines.Leave(b), nullptr);
  EXPECT_EQ(lines.Leave(other), nullptr);
  EXPECT_EQ(lines.size(), 0u) << "a key that nobody stands for costs nothing";
}

TEST(KeyedLines, WhoLeavesFromTheMiddleGivesNobodyTheTurn) {
  KeyedLines lines;
  LineMember a, b, c;
  lines.Join(a, "k");
  lines.Join(b, "k");
  lines.Join(c, "k");
  EXPECT_EQ(lines.Leave(b), nullptr);
  EXPECT_EQ(lines.Leave(a), &c);
}

TEST(KeyedLines, WhoIsInNoLineLeavesNone) {
  KeyedLines lines;
  LineMember a, never;
  lines.Join(a, "k");
  EXPECT_EQ(lines.Leave(never), nullptr);
  EXPECT_EQ(lines.Leave(a), nullptr);
  EXPECT_EQ(lines.Leave(a), nullptr);
  EXPECT_TRUE(lines.Join(a, "k")) << "it may come back";
}

TEST(KeyedLines, MembersAndLinesMayGoInAnyOrder) {
  auto lines = std::make_unique<KeyedLines>();
  auto a = std::make_unique<LineMember>();
  LineMember b;
  lines->Join(*a, "k");
  lines->Join(b, "k");
  a.reset();
  lines.reset();
  EXPECT_FALSE(b.is_linked());
}

TEST(KeyedLines, AgainstAModel) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    KeyedLines lines;
    std::vector<LineMember> members(40);
    std::map<std::string, std::deque<LineMember*>> model;
    std::map<LineMember*, std::string> key_of;
    for (int step = 0; step < 2000; ++step) {
      LineMember& one = members[random() % members.size()];
      if (const auto known = key_of.find(&one); known == key_of.end()) {
        const std::string key = std::to_string(random() % 6);
        auto& line = model[key];
        line.push_back(&one);
        key_of[&one] = key;
        ASSERT_EQ(lines.Join(one, key), line.size() == 1);
      } else {
        auto& line = model[known->second];
        const bool had_turn = line.front() == &one;
        std::erase(line, &one);
        key_of.erase(known);
        ASSERT_EQ(lines.Leave(one), had_turn && !line.empty() ? line.front() : nullptr);
      }
      const auto used =
          std::count_if(model.begin(), model.end(), [](const auto& l) { return !l.second.empty(); });
      ASSERT_EQ(lines.size(), static_cast<std::size_t>(used));
    }
  }
}

}  // namespace
}  // namespace trunkline::delivery
