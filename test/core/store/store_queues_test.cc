// The embedded queues: everything that was published is handed out, in order, to one at a time, and again
// until it is acknowledged.
#include <gtest/gtest.h>

#include "store/store.h"
#include "support/opened_store.h"
#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

using test::MakeEvent;
using test::OpenedStore;
using test::TempDirectory;

class StoreQueues : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store.Open().ok()); }

  std::vector<std::string> TakeIds(const std::string& queue, int limit = 10,
                                   std::int64_t visible_ms = 60'000) {
    std::vector<std::string> ids;
    const auto taken = store.Take(queue, limit, visible_ms);
    EXPECT_TRUE(taken.ok());
    for (const QueueMessage& message : taken->messages) {
      ids.push_back(message.event.event_id + "/" + std::to_string(message.deliveries));
      last = message;
    }
    return ids;
  }
  using Ids = std::vector<std::string>;

  const TempDirectory directory;
  OpenedStore store{directory.path()};
  QueueMessage last;
};

TEST_F(StoreQueues, MessagesComeInOrderOnceAndWithAllTheirFields) {
  for (const char* id : {"a", "b", "c"}) store.Seq(MakeEvent(id, std::string("payload of ") + id, "q"));
  store.Seq(MakeEvent("other", "{}", "elsewhere"));
  EXPECT_EQ(TakeIds("q", 2), (Ids{"a/1", "b/1"}));
  EXPECT_EQ(TakeIds("q", 2), (Ids{"c/1"}));
  EXPECT_EQ(last.event.payload, "payload of c");
  EXPECT_EQ(last.event.idempotency_key, "key of c");
  EXPECT_EQ(last.event.queue, "q");
  EXPECT_EQ(TakeIds("q"), Ids{});
  EXPECT_EQ(TakeIds("elsewhere"), Ids{"other/1"});
  EXPECT_EQ(TakeIds("nothing"), Ids{});
}

TEST_F(StoreQueues, WhatIsNotAcknowledgedComesAgain) {
  store.Seq(MakeEvent("a"));
  store.Seq(MakeEvent("b"));
  EXPECT_EQ(TakeIds("q", 1, 1000), Ids{"a/1"});
  const QueueMessage a = last;
  EXPECT_EQ(TakeIds("q", 1, 1000), Ids{"b/1"});
  ASSERT_TRUE(store.Ack(last).ok());
  store.clock.Advance(999);
  EXPECT_EQ(TakeIds("q"), Ids{});
  store.clock.Advance(1);
  EXPECT_EQ(TakeIds("q"), Ids{"a/2"});
  ASSERT_TRUE(store.Ack(a).ok()) << "too late, and of no effect";
  store.clock.Advance(60'000);
  EXPECT_EQ(TakeIds("q"), Ids{"a/3"});
}

// Leases end by the wall clock, as they have to hold over a restart.
TEST_F(StoreQueues, AClockThatJumpsLosesNothingAndCountsNoResultTwice) {
  store.Seq(MakeEvent("a"));
  store.Seq(MakeEvent("b"));
  ASSERT_EQ(TakeIds("q", 1), Ids{"a/1"});
  const QueueMessage early = last;
  store.clock.wall_ms += 86'400'000;
  EXPECT_EQ(TakeIds("q", 1), Ids{"a/2"}) << "its handler seems to be gone";
  const QueueMessage late = last;
  ASSERT_TRUE(store.Nack(early).ok());
  EXPECT_EQ(TakeIds("q", 1), Ids{"b/1"}) << "the word of the first handing out is of no effect";
  ASSERT_TRUE(store.Ack(last).ok());
  store.clock.wall_ms -= 86'400'000 + 3'600'000;
  EXPECT_EQ(TakeIds("q"), Ids{}) << "in hand still";
  ASSERT_TRUE(store.Nack(late, 500).ok());
  EXPECT_EQ(TakeIds("q"), Ids{});
  store.clock.Advance(500);
  EXPECT_EQ(TakeIds("q"), Ids{"a/3"});
  ASSERT_TRUE(store.Ack(last).ok());
  store.clock.Advance(2 * 86'400'000);
  EXPECT_EQ(TakeIds("q"), Ids{});
}

TEST_F(StoreQueues, WhatADeadProcessHadInHandIsDueWhateverTheClockSays) {
  store.Seq(MakeEvent("a"));
  ASSERT_EQ(TakeIds("q"), Ids{"a/1"});
  store.Destroy();
  OpenedStore next(directory.path());
  next.clock.wall_ms -= 3'600'000;
  ASSERT_TRUE(next.Open().ok());
  const auto taken = next.Take("q");
  ASSERT_EQ(taken->messages.size(), 1U);
  EXPECT_EQ(taken->messages[0].deliveries, 2);
}

TEST_F(StoreQueues, WhatIsRefusedComesAgainWhenItIsDue) {
  store.Seq(MakeEvent("a"));
  TakeIds("q");
  ASSERT_TRUE(store.Nack(last, 500).ok());
  EXPECT_EQ(TakeIds("q"), Ids{});
  EXPECT_EQ(store.Take("q")->next_due_at, store.clock.wall_ms + 500);
  store.clock.Advance(500);
  EXPECT_EQ(TakeIds("q"), Ids{"a/2"});
  ASSERT_TRUE(store.Nack(last, 0).ok());
  EXPECT_EQ(TakeIds("q"), Ids{"a/3"});
}

TEST_F(StoreQueues, WhatIsGivenUpIsADeadLetterAndMayBeAMessageAgain) {
  const std::int64_t seq = store.Seq(MakeEvent("a"));
  ASSERT_TRUE(store.MarkDone(seq).ok());
  TakeIds("q");
  ASSERT_TRUE(store.Nack(last).ok());
  EXPECT_EQ(TakeIds("q"), Ids{"a/2"});
  EXPECT_TRUE(*store.BuryMessage(last));
  EXPECT_FALSE(*store.BuryMessage(last)) << "somebody else has it, or it is buried";
  store.clock.Advance(1'000'000);
  EXPECT_EQ(TakeIds("q"), Ids{});
  const auto letters = store.DeadLetters({.step = Step::kConsume});
  ASSERT_TRUE(letters.ok() && letters->size() == 1);
  EXPECT_EQ((*letters)[0].seq, seq);
  ASSERT_EQ((*letters)[0].tries.size(), 1U);
  EXPECT_EQ((*letters)[0].tries[0].at, 7);
  EXPECT_EQ(store.Find("a")->value().state, EventState::kDone) << "its delivery was none the worse";
  EXPECT_TRUE(*store.Requeue(seq));
  EXPECT_FALSE(*store.Requeue(seq));
  EXPECT_TRUE(store.DeadLetters()->empty());
  EXPECT_EQ(TakeIds("q"), Ids{"a/1"});
}

TEST_F(StoreQueues, AMessageMayBeADeadLetterOfTwoSteps) {
  const std::int64_t seq = store.Seq(MakeEvent("a"));
  TakeIds("q");
  EXPECT_TRUE(*store.BuryMessage(last));
  ASSERT_TRUE(store.Bury({.seq = seq, .event_id = "a", .step = Step::kRequest, .failed_at = 1}).ok());
  EXPECT_EQ(store.DeadLetters({.event_id = "a"})->size(), 2U);
  EXPECT_TRUE(*store.Reopen(seq));
  EXPECT_EQ(store.DeadLetters({.event_id = "a"})->size(), 1U) << "the consumer's stays";
}

TEST_F(StoreQueues, ALongLogIsLookedThroughInPieces) {
  for (int i = 0; i < 2500; ++i) store->Append(MakeEvent("e" + std::to_string(i), "{}", "many"), [](auto) {});
  store.Seq(MakeEvent("a", "{}", "few"));
  int looks = 1;
  auto taken = store.Take("few");
  for (; taken.ok() && taken->messages.empty() && taken->look_again; ++looks) taken = store.Take("few");
  ASSERT_TRUE(taken.ok() && taken->messages.size() == 1);
  EXPECT_EQ(looks, 3);
  EXPECT_FALSE(taken->look_again);
}

TEST_F(StoreQueues, CursorsAndWhatIsInHandSurvive) {
  for (const char* id : {"a", "b", "c"}) store.Seq(MakeEvent(id));
  TakeIds("q", 1);
  ASSERT_TRUE(store.Ack(last).ok());
  TakeIds("q", 1);
  store.Destroy();
  OpenedStore again(directory.path());
  ASSERT_TRUE(again.Open().ok());
  const auto taken = again.Take("q");
  ASSERT_TRUE(taken.ok() && taken->messages.size() == 2);
  EXPECT_EQ(taken->messages[0].event.event_id, "b");
  EXPECT_EQ(taken->messages[0].deliveries, 2);
  EXPECT_EQ(taken->messages[1].event.event_id, "c");
}

TEST_F(StoreQueues, DepthsTellWhatWaits) {
  store.clock.wall_ms = 5'000'000;
  for (const char* id : {"a", "b", "c"}) store.Seq(MakeEvent(id));
  store.Seq(MakeEvent("d", "{}", "unread"));
  TakeIds("q", 1);
  const auto depths = store.QueueDepths();
  ASSERT_TRUE(depths.ok() && depths->size() == 2);
  EXPECT_EQ((*depths)[0].queue, "q");
  EXPECT_EQ((*depths)[0].ready, 2);
  EXPECT_EQ((*depths)[0].taken, 1);
  EXPECT_EQ((*depths)[0].oldest_at, 5'000'000);
  EXPECT_TRUE((*depths)[0].read);
  EXPECT_EQ((*depths)[1].ready, 1);
  EXPECT_FALSE((*depths)[1].read);
}

}  // namespace
}  // namespace trunkline::store
