// What goes by its age, and what stays.
#include "store/retention.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "store/events_table.h"
#include "support/opened_store.h"
#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

using test::MakeEvent;
using test::OpenedStore;
using test::TempDirectory;

constexpr std::int64_t kDay = 86'400'000;

class RetentionTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store.Open().ok()); }

  std::int64_t Add(const std::string& id, const std::string& queue = "q") {
    StoredEvent event = MakeEvent(id, "{}", queue);
    event.received_at = store.clock.wall_ms;
    return store.Seq(event);
  }
  std::int64_t AddDone(const std::string& id, const std::string& queue = "q") {
    const std::int64_t seq = Add(id, queue);
    EXPECT_TRUE(store.MarkDone(seq).ok());
    return seq;
  }
  void Bury(std::int64_t seq, const std::string& id) {
    ASSERT_TRUE(store.Bury({.seq = seq, .event_id = id, .failed_at = store.clock.wall_ms}).ok());
  }

  // Steps until there is no more to do; then the ids that are left.
  std::set<std::string> Sweep(int rows = 3) {
    auto database = Database::Open(directory.path("events.db"), Database::Mode::kReadWrite);
    EXPECT_TRUE(database.ok());
    for (steps = 1;; ++steps) {
      const auto more = retention.Step(*database, store.clock.wall_ms, rows);
      EXPECT_TRUE(more.ok()) << (more.ok() ? "" : more.error().message);
      if (!more.ok() || !*more) break;
    }
    std::set<std::string> left;
    auto query = database->Prepare("SELECT event_id FROM events");
    while (*query->Next()) left.insert(query->Text(0));
    return left;
  }
  using Ids = std::set<std::string>;

  const TempDirectory directory;
  OpenedStore store{directory.path(), {.tend_interval_ms = 1'000'000}};
  Retention retention{{}};
  int steps = 0;
};

TEST_F(RetentionTest, DoneEventsGoAfterADayAndTheLastRowStays) {
  for (int i = 0; i < 10; ++i) AddDone("old" + std::to_string(i));
  store.clock.Advance(kDay - 1);
  EXPECT_EQ(Sweep().size(), 10U);
  store.clock.Advance(1);
  EXPECT_EQ(Sweep(), Ids{"old9"}) << "its number must not be given twice";
  EXPECT_GT(steps, 2) << "a few at a time";
  const std::int64_t next = AddDone("next");
  EXPECT_EQ(next, 11);
  EXPECT_EQ(Sweep(), Ids{"next"});
}

TEST_F(RetentionTest, UnfinishedOnesStayWhateverTheirAge) {
  Add("unfinished");
  AddDone("done");
  AddDone("last");
  store.clock.Advance(400 * kDay);
  EXPECT_EQ(Sweep(), (Ids{"unfinished", "last"}));
}

TEST_F(RetentionTest, DeadLettersStayForThirtyDaysFromTheirFailing) {
  const std::int64_t dead = Add("dead");
  AddDone("last");
  store.clock.Advance(10 * kDay);
  Bury(dead, "dead");
  store.clock.Advance(30 * kDay);
  EXPECT_EQ(Sweep(), (Ids{"dead", "last"}));
  store.clock.Advance(1);
  EXPECT_EQ(Sweep(), Ids{"last"});
  EXPECT_TRUE(store.DeadLetters()->empty());
}

TEST_F(RetentionTest, MessagesThatAConsumerHasYetToTakeStayThirtyDays) {
  AddDone("taken");
  ASSERT_EQ(store.Take("q", 1, 1)->messages.size(), 1U);
  AddDone("waiting");
  AddDone("unread", "nobody reads this");
  AddDone("last");
  store.clock.Advance(30 * kDay - 1);
  EXPECT_EQ(Sweep(), (Ids{"taken", "waiting", "last"}));
  const auto taken = store.Take("q", 5, 1);
  ASSERT_EQ(taken->messages.size(), 3U);
  for (const QueueMessage& message : taken->messages) ASSERT_TRUE(store.Ack(message).ok());
  store.clock.Advance(3'600'000);
  EXPECT_EQ(Sweep(), Ids{"last"}) << "looked at again within the hour";
}

TEST_F(RetentionTest, MessagesAreNotKeptForeverEither) {
  AddDone("taken");
  ASSERT_EQ(store.Take("q", 1, 1)->messages.size(), 1U);
  AddDone("last");
  store.clock.Advance(30 * kDay);
  EXPECT_EQ(Sweep(), Ids{"last"});
  EXPECT_EQ(store.Take("q", 1, 1)->messages.size(), 1U) << "the last, which nobody had taken";
}

TEST_F(RetentionTest, AConsumersDeadLetterKeepsItsEvent) {
  const std::int64_t seq = AddDone("a");
  const auto taken = store.Take("q", 1);
  ASSERT_TRUE(*store.BuryMessage(taken->messages[0]));
  AddDone("last");
  store.clock.Advance(2 * kDay);
  EXPECT_EQ(Sweep(), (Ids{"a", "last"}));
  EXPECT_TRUE(*store.Requeue(seq));
  EXPECT_EQ(store.Take("q", 1)->messages[0].event.event_id, "a");
}

TEST_F(RetentionTest, AClockThatGoesBackDeletesNothing) {
  AddDone("a");
  AddDone("last");
  store.clock.Advance(-10 * kDay);
  EXPECT_EQ(Sweep(), (Ids{"a", "last"}));
}

TEST_F(RetentionTest, RowsOfAClockThatWasAheadHoldUpNothingAndAreNotLost) {
  store.clock.Advance(400 * kDay);
  AddDone("of the future");
  Add("unfinished, of the future");
  Bury(Add("dead, of the future"), "dead, of the future");
  store.clock.Advance(-400 * kDay);
  AddDone("old");
  AddDone("last");
  EXPECT_EQ(Sweep().size(), 5U);
  store.clock.Advance(2 * kDay);
  EXPECT_EQ(Sweep(), (Ids{"of the future", "unfinished, of the future", "dead, of the future", "last"}));
  store.clock.Advance(400 * kDay);
  EXPECT_EQ(Sweep(), (Ids{"unfinished, of the future", "dead, of the future", "last"}))
      << "its own time has come";
}

TEST_F(RetentionTest, AClockThatIsADayAheadTakesNoWorkAndNoDeadLetter) {
  Add("unfinished");
  Bury(Add("dead"), "dead");
  AddDone("waiting");
  ASSERT_EQ(store.Take("q", 1)->messages.size(), 1U) << "so that the queue has a reader";
  AddDone("done", "read by nobody");
  AddDone("last");
  store.clock.Advance(kDay);
  EXPECT_EQ(Sweep(), (Ids{"unfinished", "dead", "waiting", "last"}));
  store.clock.Advance(-kDay);
  EXPECT_EQ(Sweep(), (Ids{"unfinished", "dead", "waiting", "last"}));
  EXPECT_EQ(store.DeadLetters()->size(), 1U);
}

// The store itself does it, between the commits and on the side.
TEST(StoreRetention, GoesOnUnderLoadAndInPeace) {
  const TempDirectory directory;
  StoreOptions options;
  options.retention.done_ms = 1000;
  options.tend_interval_ms = 1;
  OpenedStore store(directory.path(), options);
  ASSERT_TRUE(store.Open().ok());
  std::int64_t last = 0;
  for (int i = 0; i < 2000; ++i) {
    StoredEvent event = MakeEvent("e" + std::to_string(i), std::string(300, 'x'));
    event.received_at = store.clock.wall_ms;
    store->Append(event, [&last, &store](Result<StoredEvent> stored) {
      last = stored->seq;
      store->MarkDone(stored->seq, nullptr);
    });
  }
  ASSERT_TRUE(store.mailbox.RunUntil([&] { return last == 2000; }));
  store.clock.Advance(2000);
  const auto left = [&] {
    auto database = Database::Open(directory.path("events.db"), Database::Mode::kReadOnly);
    auto query = database->Prepare("SELECT count(*) FROM events");
    return *query->Next() ? query->Integer(0) : -1;
  };
  while (left() > 1) {
    StoredEvent young = MakeEvent("young");
    young.received_at = store.clock.wall_ms;
    ASSERT_TRUE(store.MarkDone(store.Seq(young)).ok());
    store.clock.Advance(2000);
  }
}

// Under load the log is copied on the side, and begins anew: it does not grow with what is written.
TEST(StoreCheckpoints, TheLogStaysSmallUnderLoad) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  constexpr int kEvents = 30'000;
  int stored = 0;
  int sent = 0;
  std::uintmax_t largest = 0;
  std::function<void()> send = [&] {
    if (sent == kEvents) return;
    ++sent;
    store->Append(MakeEvent("e", std::string(2000, 'x')), [&](Result<StoredEvent> result) {
      ASSERT_TRUE(result.ok());
      ++stored;
      send();
    });
  };
  for (int i = 0; i < 256; ++i) send();
  ASSERT_TRUE(store.mailbox.RunUntil([&] {
    largest = std::max(largest, std::filesystem::file_size(directory.path("events.db-wal")));
    return stored == kEvents;
  }));
  EXPECT_LT(largest, 40U << 20) << "of 60 MB written";
  store.Destroy();
  OpenedStore again(directory.path());
  EXPECT_EQ(again.Open()->size(), static_cast<std::size_t>(kEvents));
}

}  // namespace
}  // namespace trunkline::store
