// From acceptance to the outcome: commits, tries, answers, bounds.
#include "delivery/pipeline.h"

#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;

class PipelineTest : public PipelineFixture {};

TEST_F(PipelineTest, SendsAndAnswersOnlyAfterTheCommit) {
  Start();
  const auto caller = Post("e1");
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_EQ(caller->kind(), std::nullopt);
  journal.Commit();
  ASSERT_EQ(transport.under_way.size(), 1u);
  EXPECT_EQ(caller->kind(), std::nullopt);
  transport.Answer(204);
  EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
  journal.Commit();
  EXPECT_EQ(journal.Latest("e1")->state, store::EventState::kDone);
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_TRUE(finished[0].success);
  EXPECT_EQ(counters.pending, 0u);
}

TEST_F(PipelineTest, RoutesByIntentAndElseToTheDefaultQueue) {
  Start();
  Post("e1", "order_management");
  Post("e2", "constructor");
  journal.Commit();
  EXPECT_EQ(journal.Latest("e1")->event.queue, "orders-queue");
  EXPECT_EQ(journal.Latest("e2")->event.queue, "general-queue");
  EXPECT_EQ(transport.under_way[1].Body(), R"({"queue":"general-queue","at":")" +
                                               ToIso8601(journal.Latest("e2")->event.published_at) +
                                               R"(","ms":3})");
}

TEST_F(PipelineTest, AnEventThatCannotBeStoredIsRefusedAndMayComeAgain) {
  Start();
  journal.refuse_appends = true;
  const auto caller = Post("e1");
  const auto duplicate = Post("e1");
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kRefused);
  EXPECT_EQ(caller->answers[0].error.code, ErrorCode::kStoreUnavailable);
  EXPECT_EQ(duplicate->kind(), AnswerKind::kRefused)
      << "nothing of it is on disk, so its sender must not be told so";
  EXPECT_EQ(counters.pending, 0u);
  EXPECT_TRUE(transport.under_way.empty());

  journal.refuse_appends = false;
  const auto again = Post("e1");
  journal.Commit();
  transport.Answer(200);
  EXPECT_EQ(again->kind(), AnswerKind::kProcessed);
}

TEST_F(PipelineTest, ADuplicateWaitsForTheCommitOfTheFirst) {
  Start();
  Post("e1");
  const auto duplicate = Post("e1");
  EXPECT_EQ(duplicate->kind(), std::nullopt);
  journal.Commit();
  EXPECT_EQ(duplicate->kind(), AnswerKind::kDuplicate);
  EXPECT_EQ(Post("e1")->kind(), AnswerKind::kDuplicate) << "while it is being sent";
  transport.Answer(200);
  EXPECT_EQ(Post("e1")->kind(), AnswerKind::kDuplicate) << "when it is done";
  EXPECT_EQ(transport.ended.size(), 1u);
}

TEST_F(PipelineTest, EveryTryIsTheSameBytesUnderTheSameKey) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  transport.Answer(503);
  Advance(999);
  EXPECT_TRUE(transport.under_way.empty());
  Advance(1);
  transport.Fail(ErrorCode::kConnectionFailed);
  Advance(2000);
  transport.Answer(200);
  EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
  ASSERT_EQ(transport.ended.size(), 3u);
  EXPECT_EQ(transport.ended[0].wire, transport.ended[1].wire);
  EXPECT_EQ(transport.ended[0].wire, transport.ended[2].wire);
  EXPECT_EQ(transport.ended[0].Header("Idempotency-Key"), journal.Latest("e1")->event.idempotency_key);
  EXPECT_EQ(platform_counters.retries, 2u);
}

TEST_F(PipelineTest, RetryAfterIsWaitedOut) {
  Start();
  Post("e1");
  journal.Commit();
  transport.Answer(429, {{"retry-after", "3"}});
  Advance(2999);
  EXPECT_TRUE(transport.under_way.empty());
  Advance(1);
  EXPECT_EQ(transport.under_way.size(), 1u);
}

TEST_F(PipelineTest, ARetryAfterThatIsTooLongEndsTheTries) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  transport.Answer(429, {{"retry-after", "61"}});
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  EXPECT_EQ(caller->answers[0].error.retry_after_ms, 61'000);
}

TEST_F(PipelineTest, AnErrorThatNoTryMendsIsBuriedAtOnce) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  transport.Answer(401);
  EXPECT_EQ(caller->kind(), std::nullopt) << "not before the dead letter is on disk";
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  EXPECT_EQ(caller->answers[0].error.code, ErrorCode::kAuthenticationFailed);
  EXPECT_EQ(Post("e1")->kind(), AnswerKind::kDuplicate) << "it is in safe keeping";
}

TEST_F(PipelineTest, ExhaustedTriesBecomeADeadLetterWithEachOfThem) {
  options.respond_within_ms = 60'000;
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  for (const std::int64_t wait : {0, 1000, 2000, 4000}) {
    Advance(wait);
    transport.Answer(503);
  }
  Advance(100'000);
  EXPECT_TRUE(transport.under_way.empty());
  journal.Commit();
  ASSERT_EQ(journal.dead_letters.size(), 1u);
  const store::DeadLetter& letter = journal.dead_letters.begin()->second;
  EXPECT_EQ(letter.step, store::Step::kRequest);
  EXPECT_EQ(letter.intent, "order_management");
  EXPECT_EQ(letter.code, "UPSTREAM_ERROR");
  EXPECT_EQ(letter.status, 503);
  ASSERT_EQ(letter.tries.size(), 4u);
  EXPECT_EQ(letter.tries[3].at - letter.tries[2].at, 4000);
  EXPECT_EQ(counters.dead, 1u);
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_FALSE(finished[0].success);
  EXPECT_EQ(finished[0].attempts, 4);
}

TEST_F(PipelineTest, ASenderThatWaitedLongEnoughIsToldThatItGoesOn) {
  options.respond_within_ms = 500;
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  transport.Answer(503);
  Advance(499);
  EXPECT_EQ(caller->kind(), std::nullopt);
  Advance(1);
  EXPECT_EQ(caller->kind(), AnswerKind::kAccepted);
  Advance(500);
  transport.Answer(200);
  EXPECT_EQ(caller->kind(), AnswerKind::kAccepted) << "answered once";
  ASSERT_EQ(finished.size(), 1u) << "and its end is told all the same";
}

TEST_F(PipelineTest, NothingIsAcceptedBeforeItIsOnDiskHoweverLongThatTakes) {
  options.respond_within_ms = 500;
  Start();
  const auto caller = Post("e1");
  Advance(10'000);
  EXPECT_EQ(caller->kind(), std::nullopt);
  journal.Commit();
  Advance(1);
  EXPECT_EQ(caller->kind(), AnswerKind::kAccepted);
}

TEST_F(PipelineTest, PendingEventsAreBounded) {
  options.max_pending = 2;
  Start();
  Post("e1");
  Post("e2");
  const auto third = Post("e3");
  EXPECT_EQ(third->kind(), AnswerKind::kRefused);
  EXPECT_EQ(third->answers[0].error.code, ErrorCode::kQueueFull);
  journal.Commit();
  transport.Answer(200);
  Post("e3");
  journal.Commit();
  EXPECT_NE(journal.Latest("e3"), nullptr) << "room again, and its id was not used up";
}

TEST_F(PipelineTest, RequestsAtOnceAreBounded) {
  exchange_options.max_in_flight = 2;
  Start();
  for (int i = 0; i < 5; ++i) Post("e" + std::to_string(i));
  journal.Commit();
  EXPECT_EQ(transport.under_way.size(), 2u);
  transport.Answer(200);
  EXPECT_EQ(transport.under_way.size(), 2u);
  transport.Fail(ErrorCode::kTimeout);
  EXPECT_EQ(transport.under_way.size(), 2u);
}

TEST_F(PipelineTest, WhatTheStoreCannotWriteDownIsOfferedAgain) {
  Start();
  const auto done = Post("e1");
  const auto dead = Post("e2");
  journal.Commit();
  journal.refuse_records = true;
  transport.Answer(200);
  transport.Answer(400);
  journal.Commit();
  EXPECT_EQ(done->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(dead->kind(), std::nullopt);
  journal.refuse_records = false;
  Advance(1000);
  journal.Commit();
  EXPECT_EQ(journal.Latest("e1")->state, store::EventState::kDone);
  EXPECT_EQ(journal.Latest("e2")->state, store::EventState::kDead);
  EXPECT_EQ(dead->kind(), AnswerKind::kDead);
  EXPECT_EQ(transport.ended.size(), 2u) << "only the record is repeated, not the call";
}

TEST_F(PipelineTest, FurtherTriesAreCountedWhenTheyHaveEnded) {
  Start();
  Post("e1");
  journal.Commit();
  transport.Answer(503);
  EXPECT_EQ(counters.retried, 0u);
  Advance(1000);
  transport.Answer(503);
  EXPECT_EQ(counters.retried, 1u);
  Advance(2000);
  transport.Answer(200);
  EXPECT_EQ(counters.retried, 2u);
  Post("e2");
  journal.Commit();
  transport.Answer(200);
  EXPECT_EQ(counters.retried, 2u) << "a first try is none";
}

TEST_F(PipelineTest, TellsSinceWhenTheOldestIsUnderWay) {
  options.respond_within_ms = 600'000;
  Start();
  EXPECT_EQ(counters.oldest_since_ms, 0);
  const std::int64_t first = clock.WallMs();
  Post("e1");
  EXPECT_EQ(counters.oldest_since_ms, 0) << "nothing of it is on disk";
  Advance(10);
  journal.Commit();
  EXPECT_EQ(counters.oldest_since_ms, first);
  const std::int64_t second = clock.WallMs();
  Post("e2");
  journal.Commit();
  transport.Answer(404);
  EXPECT_EQ(counters.oldest_since_ms, first) << "up to its end, which is the dead letter's commit";
  journal.Commit();
  EXPECT_EQ(counters.oldest_since_ms, second);
  // One that another process has left is older than all.
  pipeline->Resume({{.seq = 99,
                     .event_id = "e99",
                     .received_at = first - 5000,
                     .queue = "q",
                     .published_at = first,
                     .idempotency_key = "k",
                     .payload = EventBody("e99")}});
  EXPECT_EQ(counters.oldest_since_ms, first - 5000);
  journal.rows[99];
  Advance(60'000);
  const std::int64_t replayed = clock.WallMs();
  transport.Answer(200);
  transport.Answer(200);
  journal.Commit();
  EXPECT_EQ(counters.oldest_since_ms, 0);
  Replay("e1");
  journal.Commit();
  EXPECT_EQ(counters.oldest_since_ms, replayed) << "a replay is as old as itself";
}

TEST_F(PipelineTest, AnOpenBreakerHoldsDeliveriesAndBuriesNone) {
  exchange_options.breaker = retry::BreakerOptions{.failures = 2, .window_ms = 10'000, .open_ms = 30'000};
  policy.attempts = 2;
  options.respond_within_ms = 600'000;
  Start();
  std::vector<CallerPtr> callers;
  for (const char* id : {"e1", "e2", "e3"}) callers.push_back(Post(id));
  journal.Commit();
  transport.Answer(503);
  transport.Answer(503);
  transport.Answer(200);
  callers.push_back(Post("e4"));
  journal.Commit();
  Advance(29'999);
  journal.Commit();
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_TRUE(journal.dead_letters.empty());
  Advance(1);
  transport.Answer(200);
  Advance(1);
  while (!transport.under_way.empty()) transport.Answer(200);
  for (const auto& caller : callers) EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
}

TEST_F(PipelineTest, CallbacksThatComeWhenItIsGoneDoNothing) {
  Start();
  Post("e1");
  Post("e2");
  journal.Commit();
  transport.Answer(200);  // MarkDone is under way
  Post("e3");             // so is an append, and a request
  pipeline.reset();
  EXPECT_TRUE(transport.under_way.empty()) << "the request was given up";
  journal.Commit();
  EXPECT_EQ(finished.size(), 1u);
}

}  // namespace
}  // namespace trunkline::test
