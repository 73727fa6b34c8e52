// The store: what is written is there after a restart, in order and unaltered; one writer, and commits in
// groups.
#include "store/store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "store/database.h"
#include "support/opened_store.h"
#include "support/remembered_ids.h"
#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

using namespace std::string_literals;
using test::MakeEvent;
using test::OpenedStore;
using test::RememberedIds;
using test::TempDirectory;

DeadLetter LetterFor(std::int64_t seq, const std::string& id, std::int64_t failed_at = 5) {
  return {.seq = seq,
          .event_id = id,
          .intent = "intent of " + id,
          .step = Step::kRequest,
          .code = "UPSTREAM_ERROR",
          .status = 503,
          .error = "the platform answered 503 \xC3\xBC",
          .tries = {{.at = 1, .code = "TIMEOUT", .status = 0, .duration_ms = 5000},
                    {.at = 2, .code = "UPSTREAM_ERROR", .status = 503, .duration_ms = 7}},
          .failed_at = failed_at};
}

// How many rows a statement counts, seen by another connection.
std::int64_t Count(const TempDirectory& directory, const std::string& what) {
  auto database = Database::Open(directory.path("events.db"), Database::Mode::kReadOnly);
  if (!database) return -1;
  auto query = database->Prepare("SELECT count(*) FROM " + what);
  if (!query) return -1;
  auto row = query->Next();
  return row.ok() && *row ? query->Integer(0) : -1;
}

TEST(Store, AppendedEventsSurviveInOrderWithEveryColumn) {
  const TempDirectory directory;
  const std::string payload = "{\"a\":\"\xC3\xBC\xF0\x9F\x98\x80\"}\0\xFF\xFE"s;
  std::vector<std::int64_t> seqs;
  {
    OpenedStore store(directory.path());
    const auto recovery = store.Open();
    ASSERT_TRUE(recovery.ok());
    EXPECT_TRUE(recovery->empty());
    store.clock.wall_ms = 1'700'000'000'123;
    for (const char* id : {"b", "a", "\xC3\xBC/%"}) {
      const auto stored = store.Append(MakeEvent(id, payload));
      ASSERT_TRUE(stored.ok());
      EXPECT_EQ(stored->event_id, id);
      EXPECT_EQ(stored->payload, "") << "nobody needs a second copy of it";
      EXPECT_EQ(stored->published_at, 1'700'000'000'123);
      seqs.push_back(stored->seq);
    }
    EXPECT_LT(seqs[0], seqs[1]);
    EXPECT_LT(seqs[1], seqs[2]);
  }
  OpenedStore store(directory.path());
  const auto recovery = store.Open();
  ASSERT_TRUE(recovery.ok());
  ASSERT_EQ(recovery->size(), 3U);
  const char* ids[] = {"b", "a", "\xC3\xBC/%"};
  for (std::size_t i = 0; i < 3; ++i) {
    const StoredEvent& event = (*recovery)[i];
    EXPECT_EQ(event.seq, seqs[i]);
    EXPECT_EQ(event.event_id, ids[i]);
    EXPECT_EQ(event.intent, "intent of "s + ids[i]);
    EXPECT_TRUE(event.embedded);
    EXPECT_EQ(event.received_at, 1'700'000'000'000);
    EXPECT_EQ(event.queue, "q");
    EXPECT_EQ(event.published_at, 1'700'000'000'123);
    EXPECT_EQ(event.idempotency_key, "key of "s + ids[i]);
    EXPECT_EQ(event.payload, payload);
  }
}

TEST(Store, PublishingElsewhereIsRecordedByItself) {
  const TempDirectory directory;
  {
    OpenedStore store(directory.path());
    ASSERT_TRUE(store.Open().ok());
    StoredEvent elsewhere = MakeEvent("a");
    elsewhere.embedded = false;
    const auto stored = store.Append(elsewhere);
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->published_at, 0);
    elsewhere.event_id = "b";
    ASSERT_TRUE(store.MarkPublished(store.Seq(elsewhere), 1'700'000'000'777).ok());
  }
  OpenedStore store(directory.path());
  const auto unfinished = store.Open();
  ASSERT_TRUE(unfinished.ok() && unfinished->size() == 2);
  EXPECT_FALSE((*unfinished)[0].embedded);
  EXPECT_EQ((*unfinished)[0].published_at, 0);
  EXPECT_EQ((*unfinished)[0].queue, "q");
  EXPECT_EQ((*unfinished)[1].published_at, 1'700'000'000'777);
}

TEST(Store, FinishedEventsAreNotResumedButRemembered) {
  const TempDirectory directory;
  {
    OpenedStore store(directory.path());
    ASSERT_TRUE(store.Open().ok());
    const std::int64_t done = store.Seq(MakeEvent("done"));
    const std::int64_t dead = store.Seq(MakeEvent("dead"));
    store.Seq(MakeEvent("unfinished"));
    ASSERT_TRUE(store.MarkDone(done).ok());
    ASSERT_TRUE(store.Bury(LetterFor(dead, "dead")).ok());
  }
  RememberedIds ids;
  OpenedStore store(directory.path(), {}, {.ids = ids.shared()});
  const auto unfinished = store.Open();
  ASSERT_TRUE(unfinished.ok());
  ASSERT_EQ(unfinished->size(), 1U);
  EXPECT_EQ((*unfinished)[0].event_id, "unfinished");
  ASSERT_EQ(ids.restored.size(), 3U);
  const std::pair<const char*, bool> expected[] = {{"done", true}, {"dead", true}, {"unfinished", false}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(ids.restored[i].event_id, expected[i].first);
    EXPECT_EQ(ids.restored[i].done, expected[i].second);
    EXPECT_EQ(ids.restored[i].at_ms, 1'700'000'000'000);
  }
}

TEST(Store, IdsAreForgottenWithTheirLifetimeButUnfinishedWorkNever) {
  const TempDirectory directory;
  {
    OpenedStore store(directory.path());
    ASSERT_TRUE(store.Open().ok());
    ASSERT_TRUE(store.MarkDone(store.Seq(MakeEvent("done"))).ok());
    store.Seq(MakeEvent("unfinished"));
  }
  StoreOptions options;
  options.retention.done_ms = 1000;
  RememberedIds ids;
  OpenedStore store(directory.path(), options, {.ids = ids.shared()});
  store.clock.wall_ms = 1'700'000'001'001;
  const auto unfinished = store.Open();
  ASSERT_TRUE(unfinished.ok());
  ASSERT_EQ(ids.restored.size(), 1U);
  EXPECT_EQ(ids.restored[0].event_id, "unfinished");
  EXPECT_EQ(unfinished->size(), 1U);
}

TEST(Store, DeadLettersComeWithTheirTriesInTheOrderOfFailing) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  const std::int64_t first = store.Seq(MakeEvent("first"));
  const std::int64_t second = store.Seq(MakeEvent("second"));
  ASSERT_TRUE(store.Bury(LetterFor(first, "first", 20)).ok());
  ASSERT_TRUE(store.Bury(LetterFor(second, "second", 10)).ok());
  const auto letters = store.DeadLetters();
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 2U);
  EXPECT_EQ((*letters)[1].event_id, "second") << "the clock does not say what came first";
  EXPECT_LT((*letters)[0].id, (*letters)[1].id);
  const DeadLetter& letter = (*letters)[0];
  EXPECT_EQ(letter.seq, first);
  EXPECT_EQ(letter.event_id, "first");
  EXPECT_EQ(letter.intent, "intent of first");
  EXPECT_EQ(letter.step, Step::kRequest);
  EXPECT_EQ(letter.code, "UPSTREAM_ERROR");
  EXPECT_EQ(letter.status, 503);
  EXPECT_EQ(letter.error, "the platform answered 503 \xC3\xBC");
  EXPECT_EQ(letter.failed_at, 20);
  ASSERT_EQ(letter.tries.size(), 2U);
  EXPECT_EQ(letter.tries[0].code, "TIMEOUT");
  EXPECT_EQ(letter.tries[0].duration_ms, 5000);
  EXPECT_EQ(letter.tries[1].at, 2);
  EXPECT_EQ(letter.tries[1].status, 503);
}

TEST(Store, AReplayThatFailsAgainKeepsTheEarlierTries) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  const std::int64_t seq = store.Seq(MakeEvent("a"));
  ASSERT_TRUE(store.Bury(LetterFor(seq, "a")).ok());
  ASSERT_TRUE(*store.Reopen(seq));
  EXPECT_TRUE(store.DeadLetters()->empty());
  DeadLetter again = LetterFor(seq, "a");
  again.code = "NOT_FOUND";
  again.tries = {{.at = 9, .code = "NOT_FOUND", .status = 404, .duration_ms = 3}};
  ASSERT_TRUE(store.Bury(again).ok());
  const auto letters = store.DeadLetters();
  ASSERT_TRUE(letters.ok() && letters->size() == 1);
  EXPECT_EQ((*letters)[0].code, "NOT_FOUND");
  ASSERT_EQ((*letters)[0].tries.size(), 3U);
  EXPECT_EQ((*letters)[0].tries[0].code, "TIMEOUT");
  EXPECT_EQ((*letters)[0].tries[2].status, 404);
}

TEST(Store, TriesAreBounded) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  const std::int64_t seq = store.Seq(MakeEvent("a"));
  DeadLetter letter = LetterFor(seq, "a");
  letter.tries.assign(kMaxTriesKept + 7, {.at = 1, .code = "TIMEOUT"});
  letter.tries.back().at = 99;
  ASSERT_TRUE(store.Bury(letter).ok());
  const auto letters = store.DeadLetters();
  ASSERT_TRUE(letters.ok() && letters->size() == 1);
  ASSERT_EQ((*letters)[0].tries.size(), static_cast<std::size_t>(kMaxTriesKept));
  EXPECT_EQ((*letters)[0].tries.back().at, 99) << "the latest ones stay";
}

TEST(Store, AReopenedEventIsUnfinishedAndNoDeadLetter) {
  const TempDirectory directory;
  {
    OpenedStore store(directory.path());
    ASSERT_TRUE(store.Open().ok());
    const std::int64_t dead = store.Seq(MakeEvent("dead"));
    const std::int64_t done = store.Seq(MakeEvent("done", "{}", "billing"));
    const std::int64_t unfinished = store.Seq(MakeEvent("unfinished"));
    ASSERT_TRUE(store.Bury(LetterFor(dead, "dead")).ok());
    ASSERT_TRUE(store.MarkDone(done).ok());
    EXPECT_TRUE(*store.Reopen(dead));
    EXPECT_TRUE(*store.Reopen(done));
    EXPECT_FALSE(*store.Reopen(done)) << "somebody is at it";
    EXPECT_FALSE(*store.Reopen(unfinished));
    const auto letters = store.DeadLetters();
    ASSERT_TRUE(letters.ok());
    EXPECT_TRUE(letters->empty());
    EXPECT_EQ(Count(directory, "taken"), 0) << "nothing was asked to be published again";
  }
  OpenedStore store(directory.path());
  const auto unfinished = store.Open();
  ASSERT_TRUE(unfinished.ok());
  EXPECT_EQ(unfinished->size(), 3U);
}

TEST(Store, AReopenedEventMayBePublishedAgain) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  const std::int64_t seq = store.Seq(MakeEvent("a", "{}", "billing"));
  ASSERT_EQ(store.Take("billing")->messages.size(), 1U);
  ASSERT_TRUE(store.Ack({.event = {.seq = seq}, .deliveries = 1}).ok());
  ASSERT_TRUE(store.MarkDone(seq).ok());
  ASSERT_TRUE(*store.Reopen(seq, true));
  const auto again = store.Take("billing");
  ASSERT_TRUE(again.ok() && again->messages.size() == 1);
  EXPECT_EQ(again->messages[0].event.event_id, "a");

  StoredEvent elsewhere = MakeEvent("b");
  elsewhere.embedded = false;
  const std::int64_t other = store.Seq(elsewhere);
  ASSERT_TRUE(store.MarkPublished(other, 7).ok());
  ASSERT_TRUE(store.MarkDone(other).ok());
  ASSERT_TRUE(*store.Reopen(other, true));
  const auto found = store.Find("b");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->event.published_at, 0);
}

TEST(Store, DeadLettersAreFilteredAndPaged) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  for (int i = 0; i < 10; ++i) {
    const std::string id = "e" + std::to_string(i);
    DeadLetter letter = LetterFor(store.Seq(MakeEvent(id)), id, 1000 + i);
    if (i % 2 == 0) letter.step = Step::kPublish;
    if (i % 3 == 0) letter.code = "TIMEOUT";
    ASSERT_TRUE(store.Bury(letter).ok());
  }
  const auto count = [&](DeadLetterFilter filter) { return store.DeadLetters(std::move(filter))->size(); };
  EXPECT_EQ(count({.event_id = "e3"}), 1U);
  EXPECT_EQ(count({.since_ms = 1007}), 3U);
  EXPECT_EQ(count({.before_ms = 1007}), 7U);
  EXPECT_EQ(count({.step = Step::kPublish}), 5U);
  EXPECT_EQ(count({.code = "TIMEOUT"}), 4U);
  EXPECT_EQ(count({.intent = "intent of e5"}), 1U);
  EXPECT_EQ(count({.step = Step::kPublish, .code = "TIMEOUT"}), 2U);
  std::vector<std::string> paged;
  for (DeadLetterFilter page{.limit = 3};;) {
    const auto letters = store.DeadLetters(page);
    ASSERT_TRUE(letters.ok());
    if (letters->empty()) break;
    for (const DeadLetter& letter : *letters) paged.push_back(letter.event_id);
    page.after_id = letters->back().id;
  }
  ASSERT_EQ(paged.size(), 10U);
  EXPECT_EQ(paged.front(), "e0");
  EXPECT_EQ(paged.back(), "e9");
}

TEST(Store, PurgingTakesTheEventsAlong) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  const std::int64_t dead = store.Seq(MakeEvent("dead"));
  const std::int64_t other = store.Seq(MakeEvent("other"));
  store.Seq(MakeEvent("unfinished"));
  ASSERT_TRUE(store.Bury(LetterFor(dead, "dead")).ok());
  ASSERT_TRUE(store.Bury(LetterFor(other, "other")).ok());
  EXPECT_EQ(*store.Purge({.event_id = "dead"}), 1);
  EXPECT_EQ(*store.Purge({.event_id = "dead"}), 0);
  EXPECT_EQ(Count(directory, "events"), 2);
  EXPECT_EQ(Count(directory, "tries"), 2);
  EXPECT_EQ(store.DeadLetters()->size(), 1U);
}

TEST(Store, FindGivesTheDeadLetterElseTheLatest) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  const auto unknown = store.Find("a");
  ASSERT_TRUE(unknown.ok());
  EXPECT_FALSE(unknown->has_value());
  const std::int64_t first = store.Seq(MakeEvent("a", "first"));
  const std::int64_t second = store.Seq(MakeEvent("a", "second"));
  store.Seq(MakeEvent("b", "another"));
  auto found = store.Find("a");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->event.seq, second);
  EXPECT_EQ((*found)->event.payload, "second");
  EXPECT_EQ((*found)->event.idempotency_key, "key of a");
  EXPECT_EQ((*found)->state, EventState::kUnfinished);
  ASSERT_TRUE(store.MarkDone(second).ok());
  ASSERT_TRUE(store.Bury(LetterFor(first, "a")).ok());
  found = store.Find("a");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->event.seq, first) << "who asks for an id that failed wants the one that failed";
  EXPECT_EQ((*found)->state, EventState::kDead);
  ASSERT_TRUE(*store.Reopen(first));
  found = store.Find("a");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->event.seq, second);
  EXPECT_EQ((*found)->state, EventState::kDone);
}

// MarkDone alone waits for company; a read that comes after it sees it nevertheless.
TEST(Store, ReadsSeeEverythingThatWasSubmittedBefore) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  for (int i = 0; i < 20; ++i) {
    const std::string id = "e" + std::to_string(i);
    const std::int64_t seq = store.Seq(MakeEvent(id));
    store->MarkDone(seq, nullptr);
    const auto found = store.Find(id);
    ASSERT_TRUE(found.ok() && found->has_value());
    ASSERT_EQ((*found)->state, EventState::kDone);
    store->Bury(LetterFor(seq, id), nullptr);
    ASSERT_EQ(store.DeadLetters()->size(), static_cast<std::size_t>(i) + 1);
  }
}

TEST(Store, WhatIsNotUrgentIsWrittenAllTheSame) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  EXPECT_TRUE(store.MarkDone(store.Seq(MakeEvent("a"))).ok());
  EXPECT_EQ(Count(directory, "outcomes WHERE state = 1"), 1);
}

TEST(Store, NothingIsTakenBeforeItIsOpen) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  EXPECT_EQ(store.Append(MakeEvent("a")).error().code, ErrorCode::kStoreUnavailable);
  EXPECT_EQ(store.Find("a").error().code, ErrorCode::kStoreUnavailable);
  EXPECT_EQ(store.DeadLetters().error().code, ErrorCode::kStoreUnavailable);
  ASSERT_TRUE(store.Open().ok());
  EXPECT_TRUE(store.Append(MakeEvent("a")).ok());
}

// From many threads at once: every event is there, in order within its thread, and the commits are far fewer
// than the events.
TEST(Store, CommitsAreSharedByManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  const std::size_t posted_before = store.mailbox.posted();
  std::vector<std::int64_t> last(kThreads, 0);
  int answered = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        store->Append(MakeEvent(std::to_string(t) + "-" + std::to_string(i)),
                      [&, t](Result<StoredEvent> stored) {
                        ASSERT_TRUE(stored.ok());
                        ASSERT_GT(stored->seq, last[static_cast<std::size_t>(t)]);
                        last[static_cast<std::size_t>(t)] = stored->seq;
                        ++answered;
                      });
      }
    });
  }
  EXPECT_TRUE(store.mailbox.RunUntil([&] { return answered == kThreads * kEach; }));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Count(directory, "events"), kThreads * kEach);
  EXPECT_LT(store.mailbox.posted() - posted_before, static_cast<std::size_t>(kThreads * kEach / 4))
      << "one post for each commit";
}

TEST(Store, ManyReadersAndWritersAtOnce) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  int answered = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        store->Append(MakeEvent(id), [&, id](Result<StoredEvent> stored) {
          ASSERT_TRUE(stored.ok());
          store->MarkDone(stored->seq, nullptr);
          store->Find(id, [&, id](Result<std::optional<FoundEvent>> found) {
            ASSERT_TRUE(found.ok() && found->has_value());
            ASSERT_EQ((*found)->event.event_id, id);
            ASSERT_EQ((*found)->state, EventState::kDone);
            ++answered;
          });
        });
      }
    });
  }
  EXPECT_TRUE(store.mailbox.RunUntil([&] { return answered == 180; }));
  for (std::thread& thread : threads) thread.join();
}

TEST(Store, AFullQueueRefusesThroughThePost) {
  const TempDirectory directory;
  StoreOptions options;
  options.max_waiting = 0;
  OpenedStore store(directory.path(), options);
  ASSERT_TRUE(store.Open().ok());
  const auto refused = store.Append(MakeEvent("a"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kQueueFull);
  EXPECT_EQ(store.MarkDone(1).error().code, ErrorCode::kQueueFull);
  EXPECT_EQ(store.Find("a").error().code, ErrorCode::kQueueFull);
}

TEST(Store, ItsEndWritesWhatIsWaitingAndThenPostsNothing) {
  const TempDirectory directory;
  std::size_t posted = 0;
  {
    OpenedStore store(directory.path());
    ASSERT_TRUE(store.Open().ok());
    const std::int64_t done = store.Seq(MakeEvent("done"));
    int answered = 0;
    for (int i = 0; i < 100; ++i) {
      store->Append(MakeEvent("e" + std::to_string(i)),
                    [&](Result<StoredEvent> stored) { answered += stored.ok() ? 1 : 100; });
    }
    store->MarkDone(done, nullptr);
    store.Destroy();
    posted = store.mailbox.posted();
    store.mailbox.RunPosted();
    EXPECT_EQ(answered, 100);
    EXPECT_EQ(store.mailbox.posted(), posted);
  }
  OpenedStore store(directory.path());
  const auto recovery = store.Open();
  ASSERT_TRUE(recovery.ok());
  EXPECT_EQ(recovery->size(), 100U);
}

TEST(Store, WhoeverReadsWhenItEndsIsToldSo) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  store.Seq(MakeEvent("a"));
  std::vector<std::string> outcomes;
  for (int i = 0; i < 5; ++i) {
    store->Find("a", [&](Result<std::optional<FoundEvent>> found) {
      outcomes.emplace_back(found.ok() ? "found" : Describe(found.error().code).name);
    });
  }
  store.Destroy();
  store.mailbox.RunPosted();
  EXPECT_EQ(outcomes, std::vector<std::string>(5, "CLOSED"));
}

TEST(Store, ItsEndBeforeItIsOpen) {
  const TempDirectory directory;
  for (int i = 0; i < 20; ++i) {
    OpenedStore store(directory.path());
    if (i % 2 == 0) store->Open([](Result<std::vector<StoredEvent>>) {});
    store.Destroy();
  }
  OpenedStore store(directory.path());
  EXPECT_TRUE(store.Open().ok()) << "the directory is free again";
}

}  // namespace
}  // namespace trunkline::store
