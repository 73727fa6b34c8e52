// Several stores on one directory: everybody works on what he has accepted, and takes over from those who are
// gone.
#include <gtest/gtest.h>

#include <set>

#include "store/store.h"
#include "support/opened_store.h"
#include "support/remembered_ids.h"
#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

using test::MakeEvent;
using test::OpenedStore;
using test::RememberedIds;
using test::TempDirectory;

std::vector<std::string> IdsOf(const std::vector<StoredEvent>& events) {
  std::vector<std::string> ids;
  for (const StoredEvent& event : events) ids.push_back(event.event_id);
  return ids;
}

// A store whose inheritance is written down.
struct Member {
  explicit Member(const TempDirectory& directory, std::int64_t tend_interval_ms = 5)
      : store(directory.path(), {.tend_interval_ms = tend_interval_ms},
              {.ids = ids.shared(), .inherited = [this](std::vector<StoredEvent> events) {
                 for (StoredEvent& event : events) inherited.push_back(std::move(event));
               }}) {}
  bool WaitForInheritance(std::size_t count) {
    return store.mailbox.RunUntil([&] { return inherited.size() >= count; });
  }
  RememberedIds ids;
  std::vector<StoredEvent> inherited;
  OpenedStore store;
};

TEST(StoreMembers, EverybodyOpensWithHisOwnWorkOnly) {
  const TempDirectory directory;
  Member first(directory);
  ASSERT_TRUE(first.store.Open().ok());
  EXPECT_TRUE(first.ids.alone);
  first.store.Seq(MakeEvent("a"));
  Member second(directory);
  second.ids.knows_nothing = false;
  const auto unfinished = second.store.Open();
  ASSERT_TRUE(unfinished.ok());
  EXPECT_TRUE(unfinished->empty()) << "the first one is at it";
  EXPECT_FALSE(second.ids.alone);
  EXPECT_EQ(second.ids.member, 1);
  EXPECT_TRUE(second.ids.restored.empty()) << "they are known already";
  second.store.Seq(MakeEvent("b"));
  const auto found = first.store.Find("b");
  ASSERT_TRUE(found.ok() && found->has_value()) << "one file";
}

TEST(StoreMembers, WhatAMemberLeavesIsTakenOverByOne) {
  const TempDirectory directory;
  Member first(directory);
  Member second(directory);
  ASSERT_TRUE(first.store.Open().ok());
  ASSERT_TRUE(second.store.Open().ok());
  {
    Member gone(directory);
    ASSERT_TRUE(gone.store.Open().ok());
    const std::int64_t done = gone.store.Seq(MakeEvent("done"));
    const std::int64_t dead = gone.store.Seq(MakeEvent("dead"));
    gone.store.Seq(MakeEvent("left-1"));
    gone.store.Seq(MakeEvent("left-2"));
    ASSERT_TRUE(gone.store.MarkDone(done).ok());
    ASSERT_TRUE(
        gone.store.Bury({.seq = dead, .event_id = "dead", .failed_at = gone.store.clock.wall_ms}).ok());
  }
  while (first.inherited.size() + second.inherited.size() < 2) {
    first.store.mailbox.RunPosted();
    second.store.mailbox.RunPosted();
  }
  Member& heir = first.inherited.empty() ? second : first;
  EXPECT_EQ(IdsOf(heir.inherited), (std::vector<std::string>{"left-1", "left-2"}));
  EXPECT_FALSE(heir.inherited[0].payload.empty());
  ASSERT_EQ(heir.ids.taken.size(), 1U);
  EXPECT_EQ(heir.ids.taken[0].member, 2);
  std::set<std::pair<std::string, bool>> told;
  for (const RememberedId& id : heir.ids.taken[0].ids) told.emplace(id.event_id, id.done);
  EXPECT_EQ(told,
            (std::set<std::pair<std::string, bool>>{{"left-1", false}, {"left-2", false}, {"dead", true}}));
}

// Killed between the record of a death and the word to the ring: the id would stay claimable.
TEST(StoreMembers, ADeathIsToldHoweverLongAgoItWasByTheClock) {
  const TempDirectory directory;
  {
    Member gone(directory);
    ASSERT_TRUE(gone.store.Open().ok());
    const std::int64_t seq = gone.store.Seq(MakeEvent("dead"));
    ASSERT_TRUE(
        gone.store.Bury({.seq = seq, .event_id = "dead", .failed_at = gone.store.clock.wall_ms}).ok());
  }
  for (const std::int64_t jump : {86'400'000, -3'600'000}) {
    Member heir(directory);
    heir.store.clock.wall_ms += jump;
    ASSERT_TRUE(heir.store.Open().ok());
    ASSERT_EQ(heir.ids.taken.size(), 1U);
    ASSERT_EQ(heir.ids.taken[0].ids.size(), 1U);
    EXPECT_EQ(heir.ids.taken[0].ids[0].event_id, "dead");
    EXPECT_TRUE(heir.ids.taken[0].ids[0].done);
  }
}

// The number is free again, and whoever gets it does not work on what the heir has.
TEST(StoreMembers, AnInheritanceIsTheHeirsAlone) {
  const TempDirectory directory;
  Member heir(directory);
  ASSERT_TRUE(heir.store.Open().ok());
  {
    Member gone(directory);
    ASSERT_TRUE(gone.store.Open().ok());
    gone.store.Seq(MakeEvent("left"));
  }
  ASSERT_TRUE(heir.WaitForInheritance(1));
  Member next(directory);
  const auto unfinished = next.store.Open();
  ASSERT_TRUE(unfinished.ok());
  EXPECT_TRUE(unfinished->empty());
  heir.store.Destroy();
  ASSERT_TRUE(next.WaitForInheritance(1)) << "and when the heir is gone, the next one has it";
  EXPECT_EQ(IdsOf(next.inherited), std::vector<std::string>{"left"});
}

TEST(StoreMembers, AReopenedEventIsHisWhoReopenedIt) {
  const TempDirectory directory;
  Member other(directory, 1'000'000);
  ASSERT_TRUE(other.store.Open().ok());
  {
    Member first(directory);
    ASSERT_TRUE(first.store.Open().ok());
    const std::int64_t seq = first.store.Seq(MakeEvent("a"));
    ASSERT_TRUE(first.store.MarkDone(seq).ok());
    ASSERT_TRUE(*other.store.Reopen(seq));
    EXPECT_FALSE(*first.store.Reopen(seq));
  }
  Member next(directory);
  EXPECT_TRUE(next.store.Open()->empty()) << "it has the number of the first, but not its event";
}

TEST(StoreMembers, MessagesInHandOfAMemberThatIsGoneAreDueAtOnce) {
  const TempDirectory directory;
  Member heir(directory);
  ASSERT_TRUE(heir.store.Open().ok());
  {
    Member gone(directory);
    ASSERT_TRUE(gone.store.Open().ok());
    gone.store.Seq(MakeEvent("a"));
    ASSERT_EQ(gone.store.Take("q")->messages.size(), 1U);
    EXPECT_TRUE(heir.store.Take("q")->messages.empty());
  }
  ASSERT_TRUE(heir.WaitForInheritance(1));
  const auto again = heir.store.Take("q");
  ASSERT_TRUE(again.ok() && again->messages.size() == 1);
  EXPECT_EQ(again->messages[0].deliveries, 2);
}

TEST(StoreMembers, ARestartGivesBackWhatItHadInHand) {
  const TempDirectory directory;
  {
    Member first(directory);
    ASSERT_TRUE(first.store.Open().ok());
    first.store.Seq(MakeEvent("a"));
    ASSERT_EQ(first.store.Take("q")->messages.size(), 1U);
  }
  Member again(directory);
  EXPECT_EQ(again.store.Open()->size(), 1U);
  EXPECT_EQ(again.store.Take("q")->messages.size(), 1U);
}

TEST(StoreMembers, WhereNothingIsLeftNobodyLooks) {
  const TempDirectory directory;
  {
    Member first(directory);
    ASSERT_TRUE(first.store.Open().ok());
    ASSERT_TRUE(first.store.MarkDone(first.store.Seq(MakeEvent("a"))).ok());
    first.store->NothingLeft();
  }
  Member next(directory);
  next.ids.knows_nothing = false;
  ASSERT_TRUE(next.store.Open().ok());
  EXPECT_TRUE(next.ids.taken.empty());
}

TEST(StoreMembers, AllWriteAtOnceAndNothingIsLost) {
  const TempDirectory directory;
  constexpr int kStores = 4;
  constexpr int kEvents = 200;
  std::vector<std::unique_ptr<Member>> members;
  for (int i = 0; i < kStores; ++i) {
    members.push_back(std::make_unique<Member>(directory));
    ASSERT_TRUE(members.back()->store.Open().ok());
  }
  int stored = 0;
  std::set<std::int64_t> seqs;
  for (int n = 0; n < kEvents; ++n) {
    for (int i = 0; i < kStores; ++i) {
      members[static_cast<std::size_t>(i)]->store->Append(
          MakeEvent(std::to_string(i) + "-" + std::to_string(n)), [&](Result<StoredEvent> result) {
            ASSERT_TRUE(result.ok()) << result.error().message;
            seqs.insert(result->seq);
            ++stored;
          });
    }
  }
  for (const auto& member : members) {
    ASSERT_TRUE(member->store.mailbox.RunUntil([&, before = stored] { return stored >= before + kEvents; }));
  }
  EXPECT_EQ(seqs.size(), static_cast<std::size_t>(kStores * kEvents));
}

TEST(StoreMembers, AConsumerTakesMessagesAndNoEvents) {
  const TempDirectory directory;
  {
    Member gone(directory);
    ASSERT_TRUE(gone.store.Open().ok());
    gone.store.Seq(MakeEvent("left"));
  }
  OpenedStore consumer(directory.path(), {.role = Role::kConsumer});
  EXPECT_TRUE(consumer.Open()->empty());
  ASSERT_EQ(consumer.Take("q")->messages.size(), 1U);
  Member server(directory);
  EXPECT_EQ(server.store.Open()->size(), 1U);
  EXPECT_TRUE(server.ids.alone);
  EXPECT_TRUE(server.store.Take("q")->messages.empty());
  consumer.Destroy();
  while (server.store.Take("q")->messages.empty()) continue;  // within an interval of its end
}

TEST(StoreMembers, AConsumerHearsOfWhatOthersWrite) {
  const TempDirectory directory;
  Member server(directory);
  ASSERT_TRUE(server.store.Open().ok());
  int changes = 0;
  OpenedStore consumer(directory.path(), {.tend_interval_ms = 1, .role = Role::kConsumer},
                       {.changed = [&changes] { ++changes; }});
  ASSERT_TRUE(consumer.Open().ok());
  ASSERT_TRUE(consumer.mailbox.RunUntil([&] { return changes == 1; })) << "there may be something already";
  server.store.Seq(MakeEvent("a"));
  ASSERT_TRUE(consumer.mailbox.RunUntil([&] { return changes >= 2; }));
  EXPECT_EQ(consumer.Take("q")->messages.size(), 1U);
}

TEST(StoreMembers, AMessageThatIsPutIsNobodysDelivery) {
  const TempDirectory directory;
  {
    OpenedStore consumer(directory.path(), {.role = Role::kConsumer});
    ASSERT_TRUE(consumer.Open().ok());
    ASSERT_TRUE(consumer.Put(MakeEvent("a")).ok());
    EXPECT_EQ(consumer.Take("q")->messages.size(), 1U);
  }
  Member server(directory);
  EXPECT_TRUE(server.store.Open()->empty());
}

TEST(StoreMembers, AnOnlookerTakesNoPart) {
  const TempDirectory directory;
  {
    OpenedStore nothing(directory.path(), {.role = Role::kOnlooker});
    const auto opened = nothing.Open();
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find("no event store"), std::string::npos);
  }
  {
    Member first(directory);
    ASSERT_TRUE(first.store.Open().ok());
    const std::int64_t dead = first.store.Seq(MakeEvent("dead"));
    first.store.Seq(MakeEvent("left"));
    ASSERT_TRUE(
        first.store.Bury({.seq = dead, .event_id = "dead", .failed_at = first.store.clock.wall_ms}).ok());
  }
  {
    OpenedStore onlooker(directory.path(), {.role = Role::kOnlooker});
    EXPECT_TRUE(onlooker.Open()->empty());
    EXPECT_EQ(onlooker.DeadLetters()->size(), 1U);
    EXPECT_EQ(*onlooker.Purge(), 1);
  }
  Member next(directory);
  EXPECT_EQ(next.store.Open()->size(), 1U) << "the work is still there to be taken";
}

}  // namespace
}  // namespace trunkline::store
