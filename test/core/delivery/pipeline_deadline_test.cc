// The deadline of a delivery: from the arrival, over restarts, in every state; and a new one for a replay.
#include "delivery/pipeline.h"
#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;
using store::Step;

class PipelineDeadlineTest : public PipelineFixture {
 protected:
  PipelineDeadlineTest() {
    options.deadline_ms = 2500;
    options.respond_within_ms = 600'000;
    options.publish.timeout_ms = 60'000;
  }
  void ExpectBuried(const CallerPtr& caller, Step step) {
    journal.Commit();
    EXPECT_EQ(caller->kind(), AnswerKind::kDead);
    ASSERT_EQ(journal.dead_letters.size(), 1u);
    const store::DeadLetter& letter = journal.dead_letters.begin()->second;
    EXPECT_EQ(letter.step, step);
    EXPECT_EQ(letter.code, "TIMEOUT");
    EXPECT_EQ(letter.error, "the delivery's deadline of 2500 ms passed");
    EXPECT_EQ(counters.pending, 0u);
    EXPECT_TRUE(transport.under_way.empty());
    EXPECT_TRUE(publisher.under_way.empty());
    EXPECT_EQ(timers.size(), 0u);
  }
  const store::DeadLetter& Letter() { return journal.dead_letters.begin()->second; }
};

TEST_F(PipelineDeadlineTest, EndsTheTriesWhenItPasses) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  transport.Answer(503);
  Advance(1000);
  transport.Answer(503);  // the next try would be at 3000
  Advance(1499);
  journal.Commit();
  EXPECT_EQ(caller->kind(), std::nullopt);
  Advance(1);
  ExpectBuried(caller, Step::kRequest);
  EXPECT_EQ(Letter().tries.size(), 2u);
  EXPECT_EQ(Letter().status, 503) << "the platform's last";
}

TEST_F(PipelineDeadlineTest, CutsOffTheTryThatIsUnderWay) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  Advance(2500);
  EXPECT_EQ(transport.cancelled, 1);
  ExpectBuried(caller, Step::kRequest);
  ASSERT_EQ(Letter().tries.size(), 1u);
  EXPECT_EQ(Letter().tries[0].code, "TIMEOUT");
  EXPECT_EQ(Letter().tries[0].duration_ms, 2500);
}

TEST_F(PipelineDeadlineTest, CountsFromTheArrivalNotFromTheCommit) {
  Start();
  const auto caller = Post("e1");
  Advance(2000);
  journal.Commit();
  EXPECT_EQ(transport.under_way.size(), 1u);
  Advance(500);
  ExpectBuried(caller, Step::kRequest);
}

TEST_F(PipelineDeadlineTest, ADiskThatTakesLongerThanItLeavesNoTime) {
  Start();
  const auto caller = Post("e1");
  Advance(2500);
  journal.Commit();
  EXPECT_TRUE(transport.ended.empty());
  ExpectBuried(caller, Step::kRequest);
  EXPECT_TRUE(Letter().tries.empty());
}

TEST_F(PipelineDeadlineTest, EndsThePublishStepToo) {
  elsewhere = true;
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  publisher.Refuse(ErrorCode::kUpstreamError);
  Advance(1000);
  EXPECT_EQ(publisher.under_way.size(), 1u);
  Advance(1500);
  ExpectBuried(caller, Step::kPublish);
  EXPECT_EQ(Letter().tries.size(), 2u) << "the one that was cut off is one";
}

TEST_F(PipelineDeadlineTest, PassedWhileThePublishingIsWrittenDownItEndsBeforeTheRequest) {
  elsewhere = true;
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  publisher.Take();
  Advance(2500);
  EXPECT_EQ(caller->kind(), std::nullopt);
  ExpectBuried(caller, Step::kRequest);
  EXPECT_NE(journal.Latest("e1")->event.published_at, 0)
      << "it is in its queue: a replay does not publish it";
}

TEST_F(PipelineDeadlineTest, AnEventInLineDoesNotWaitForItsTurnToDie) {
  options.order_by = delivery::OrderBy::kIntent;
  options.timeout_ms = 60'000;
  Start();
  const auto first = Post("e1");
  journal.Commit();
  Advance(1000);
  const auto second = Post("e2");
  const auto third = Post("e3");
  journal.Commit();
  Advance(1500);  // the end of the first, which is on its way to the disk
  Advance(1000);  // that of the others, in line
  EXPECT_EQ(journal.buries, 3);
  journal.Commit();
  for (const auto& caller : {first, second, third}) EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  EXPECT_EQ(journal.buries, 3) << "nobody's turn comes who is being buried";
  EXPECT_EQ(transport.cancelled, 1) << "only the first was ever sent";
  EXPECT_EQ(counters.pending, 0u);
  EXPECT_EQ(timers.size(), 0u);
}

TEST_F(PipelineDeadlineTest, HoldsAcrossARestart) {
  Start();
  const std::int64_t now = clock.WallMs();
  const auto left = [&](std::int64_t seq, const char* id, std::int64_t age_ms) {
    store::StoredEvent event{.seq = seq,
                             .event_id = id,
                             .received_at = now - age_ms,
                             .queue = "q",
                             .published_at = now - age_ms,
                             .idempotency_key = id,
                             .payload = EventBody(id)};
    journal.rows[seq] = {.event = event};
    return event;
  };
  pipeline->Resume({left(1, "past", 2500), left(2, "long past", 90'000'000), left(3, "in time", 2000)});
  ASSERT_EQ(transport.under_way.size(), 1u) << "no call for what is past it";
  EXPECT_EQ(transport.under_way[0].Header("Idempotency-Key"), "in time");
  journal.Commit();
  EXPECT_EQ(journal.dead_letters.size(), 2u);
  EXPECT_EQ(Letter().code, "TIMEOUT");
  Advance(499);
  EXPECT_EQ(transport.under_way.size(), 1u);
  Advance(1);
  journal.Commit();
  EXPECT_EQ(journal.dead_letters.size(), 3u);
}

// The clock was set back while we were down: nobody gets more time than there is.
TEST_F(PipelineDeadlineTest, AnArrivalInTheFutureIsNow) {
  Start();
  journal.rows[1] = {.event = {.seq = 1, .event_id = "e1"}};
  pipeline->Resume({{.seq = 1,
                     .event_id = "e1",
                     .received_at = clock.WallMs() + 3'600'000,
                     .queue = "q",
                     .published_at = 1,
                     .idempotency_key = "k",
                     .payload = EventBody("e1")}});
  Advance(2500);
  journal.Commit();
  EXPECT_EQ(journal.dead_letters.size(), 1u);
}

TEST_F(PipelineDeadlineTest, AReplayGetsANewOneFromItsBeginning) {
  Start();
  Post("e1");
  journal.Commit();
  Advance(2500);
  journal.Commit();
  Advance(1'000'000);
  const auto replay = Replay("e1");
  journal.Commit();
  ASSERT_EQ(transport.under_way.size(), 1u);
  Advance(2499);
  EXPECT_EQ(transport.under_way.size(), 1u);
  Advance(1);
  ExpectBuried(replay, Step::kRequest);
}

TEST_F(PipelineDeadlineTest, ASuccessInTimeIsNotTouchedByIt) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  Advance(2400);
  transport.Answer(200);
  Advance(10'000);
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
  EXPECT_TRUE(journal.dead_letters.empty());
  EXPECT_EQ(timers.size(), 0u);
}

TEST_F(PipelineDeadlineTest, ABreakerThatStaysOpenEndsWithIt) {
  exchange_options.breaker = retry::BreakerOptions{.failures = 1, .window_ms = 1000, .open_ms = 60'000};
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  transport.Answer(503);
  Advance(2499);
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_EQ(caller->kind(), std::nullopt) << "an open breaker is waited for";
  Advance(1);
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  EXPECT_EQ(Letter().status, 503);
}

}  // namespace
}  // namespace trunkline::test
