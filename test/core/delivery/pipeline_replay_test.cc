// Replays, restarts and the end: everything that goes on where something else stopped.
#include "delivery/pipeline.h"
#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;

class PipelineReplayTest : public PipelineFixture {
 protected:
  void Bury(const std::string& event_id) {
    Post(event_id);
    journal.Commit();
    transport.Answer(400);
    journal.Commit();
  }
  void Process(const std::string& event_id) {
    Post(event_id);
    journal.Commit();
    transport.Answer(200);
    journal.Commit();
  }
};

TEST_F(PipelineReplayTest, ADeadLetterResumesAtTheRequestUnderItsKey) {
  Start();
  Bury("e1");
  const auto caller = Replay("e1");
  journal.Commit();
  ASSERT_EQ(transport.under_way.size(), 1u);
  transport.Answer(200);
  EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
  journal.Commit();
  EXPECT_TRUE(journal.dead_letters.empty());
  EXPECT_EQ(journal.Latest("e1")->messages, 1) << "it lay in its queue already";
  EXPECT_EQ(transport.ended[0].wire, transport.ended[1].wire);
}

TEST_F(PipelineReplayTest, ADeadLetterThatFailsAgainIsOneAgain) {
  Start();
  Bury("e1");
  const auto caller = Replay("e1");
  journal.Commit();
  transport.Answer(403);
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  EXPECT_EQ(journal.dead_letters.begin()->second.code, "AUTHORIZATION_FAILED");
}

TEST_F(PipelineReplayTest, AFinishedEventRunsFromTheStartUnderItsKey) {
  Start();
  Process("e1");
  const auto caller = Replay("e1", true);
  journal.Commit();
  transport.Answer(200);
  EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(journal.Latest("e1")->messages, 2);
  EXPECT_EQ(journal.rows.size(), 1u) << "the same event, not another one";
  EXPECT_EQ(transport.ended[0].wire, transport.ended[1].wire);
}

TEST_F(PipelineReplayTest, AnUnknownIdIsUnknownAndAnUnknownEventIsAccepted) {
  Start();
  const auto by_id = Replay("e1");
  journal.Commit();
  EXPECT_EQ(by_id->kind(), AnswerKind::kUnknown);
  const auto by_body = Replay("e1", true);
  journal.Commit();
  transport.Answer(200);
  EXPECT_EQ(by_body->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(Post("e1")->kind(), AnswerKind::kDuplicate);
}

TEST_F(PipelineReplayTest, AnEventUnderWayIsWaitedFor) {
  Start();
  const auto first = Post("e1");
  journal.Commit();
  const auto replayed = Replay("e1");
  journal.Commit();
  ASSERT_EQ(transport.under_way.size(), 1u);
  transport.Answer(200);
  EXPECT_EQ(first->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(replayed->kind(), AnswerKind::kProcessed);
}

TEST_F(PipelineReplayTest, TwoReplaysAtOnceAreOneCall) {
  Start();
  Bury("e1");
  const auto first = Replay("e1");
  const auto second = Replay("e1");
  journal.Commit();
  ASSERT_EQ(transport.under_way.size(), 1u);
  transport.Answer(200);
  EXPECT_EQ(first->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(second->kind(), AnswerKind::kProcessed);
}

TEST_F(PipelineReplayTest, AStoreThatCannotReopenRefuses) {
  Start();
  Bury("e1");
  const auto caller = Replay("e1");
  journal.refuse_records = true;
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kRefused);
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_EQ(counters.pending, 0u);
}

TEST_F(PipelineReplayTest, AnEventThatAnotherProcessWorksOnIsAcceptedAndLeftToIt) {
  Start();
  Bury("e1");
  const auto caller = Replay("e1");
  journal.CommitOne();                                        // found
  journal.rows.at(1).state = store::EventState::kUnfinished;  // the other one was faster
  journal.dead_letters.clear();
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kAccepted);
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_EQ(counters.pending, 0u);
  EXPECT_EQ(counters.oldest_since_ms, 0);

  journal.rows.at(1).event.event_id = "e2";  // and one that we never had
  const auto foreign = Replay("e2");
  journal.Commit();
  EXPECT_EQ(foreign->kind(), AnswerKind::kAccepted);
  EXPECT_TRUE(transport.under_way.empty());
}

TEST_F(PipelineReplayTest, ReplaysAreBoundedLikeEverythingThatIsUnderWay) {
  options.max_pending = 1;
  Start();
  Bury("e1");
  Post("e2");
  journal.Commit();
  const auto refused = Replay("e1");
  journal.Commit();
  EXPECT_EQ(refused->kind(), AnswerKind::kRefused);
  EXPECT_EQ(refused->answers[0].error.code, ErrorCode::kQueueFull);
  EXPECT_EQ(journal.Latest("e1")->state, store::EventState::kDead) << "still a dead letter";
  transport.Answer(200);
  const auto taken = Replay("e1");
  journal.Commit();
  transport.Answer(200);
  EXPECT_EQ(taken->kind(), AnswerKind::kProcessed);
}

TEST_F(PipelineReplayTest, WhatAnEarlierRunLeftGoesOnUnderItsKey) {
  Start();
  Post("e1");
  journal.Commit();
  const store::StoredEvent left = journal.Latest("e1")->event;
  const std::string sent = transport.under_way[0].wire;
  transport.under_way.clear();
  pipeline.reset();
  counters.pending = 0;

  Start();
  pipeline->Resume({left});
  EXPECT_EQ(counters.pending, 1u);
  ASSERT_EQ(transport.under_way.size(), 1u);
  EXPECT_EQ(transport.under_way[0].wire, sent);
  transport.Answer(200);
  journal.Commit();
  EXPECT_EQ(journal.Latest("e1")->state, store::EventState::kDone);
}

TEST_F(PipelineReplayTest, ADamagedRowIsLeftAloneAndItsIdMayComeAgain) {
  Start();
  ASSERT_TRUE(admission->ring().TryClaim("e1").ok());
  pipeline->Resume(
      {{.seq = 1, .event_id = "e1", .queue = "q", .idempotency_key = "k", .payload = "not JSON"}});
  EXPECT_EQ(counters.pending, 0u);
  Post("e1");
  journal.Commit();
  EXPECT_EQ(transport.under_way.size(), 1u);
}

TEST_F(PipelineReplayTest, StoppingParksWhatWaitsAndLetsRequestsFinish) {
  Start();
  const auto waiting = Post("e1");
  const auto in_flight = Post("e2");
  journal.Commit();
  transport.Answer(503);
  const auto storing = Post("e3");
  int stopped = 0;
  pipeline->Stop(10'000, [&] { ++stopped; });
  EXPECT_EQ(waiting->kind(), AnswerKind::kAccepted) << "it is on disk, for the next start";
  EXPECT_EQ(in_flight->kind(), std::nullopt);
  EXPECT_EQ(stopped, 0);
  transport.Answer(200);
  EXPECT_EQ(in_flight->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(stopped, 0) << "one is still on its way to the disk";
  journal.Commit();
  EXPECT_EQ(storing->kind(), AnswerKind::kAccepted);
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(journal.Latest("e1")->state, store::EventState::kUnfinished);
}

TEST_F(PipelineReplayTest, AfterTheGraceNothingIsWaitedFor) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  int stopped = 0;
  pipeline->Stop(1000, [&] { ++stopped; });
  Advance(999);
  EXPECT_EQ(stopped, 0);
  Advance(1);
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(caller->kind(), AnswerKind::kAccepted);
  EXPECT_TRUE(transport.under_way.empty()) << "the request was given up";
  EXPECT_TRUE(finished.empty());
}

TEST_F(PipelineReplayTest, AfterTheStopEverythingIsRefused) {
  Start();
  pipeline->Stop(1000, [] {});
  const auto accepted = Post("e1");
  EXPECT_EQ(accepted->kind(), AnswerKind::kRefused);
  EXPECT_EQ(accepted->answers[0].error.code, ErrorCode::kClosed);
  EXPECT_EQ(Replay("e1")->kind(), AnswerKind::kRefused);
  EXPECT_EQ(counters.pending, 0u);
}

}  // namespace
}  // namespace trunkline::test
