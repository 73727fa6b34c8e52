// Queues elsewhere: publish, record, request; what a crash, a refusal and a replay make of it.
#include "delivery/pipeline.h"
#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;
using store::Step;

class PipelinePublishTest : public PipelineFixture {
 protected:
  PipelinePublishTest() {
    elsewhere = true;
    options.respond_within_ms = 600'000;
    options.publish.timeout_ms = 300;
  }
  const MemoryJournal::Row& RowOf(const std::string& id) { return *journal.Latest(id); }
  // The process dies with all that is not on disk.
  void Restart() {
    pipeline.reset();
    transport.under_way.clear();
    publisher.under_way.clear();
    counters.pending = 0;
    Start();
    for (const auto& [seq, row] : journal.rows) {
      if (row.state == store::EventState::kUnfinished) pipeline->Resume({row.event});
    }
  }
  const store::DeadLetter& OnlyLetter() {
    EXPECT_EQ(journal.dead_letters.size(), 1u);
    return journal.dead_letters.begin()->second;
  }
};

TEST_F(PipelinePublishTest, PublishesThenRecordsThenRequests) {
  Start();
  const auto caller = Post("e1");
  EXPECT_TRUE(publisher.under_way.empty()) << "not before it is on disk";
  journal.Commit();
  ASSERT_EQ(publisher.under_way.size(), 1u);
  EXPECT_FALSE(RowOf("e1").event.embedded);
  EXPECT_TRUE(transport.under_way.empty());
  Advance(40);
  publisher.Take();
  EXPECT_TRUE(transport.under_way.empty()) << "not before the publishing is on disk";
  journal.Commit();
  EXPECT_EQ(RowOf("e1").event.published_at, clock.WallMs());
  EXPECT_EQ(publisher.taken[0],
            (MemoryPublisher::Message{"orders-queue", "e1", "order_management",
                                      RowOf("e1").event.idempotency_key, EventBody("e1")}));
  ASSERT_EQ(transport.under_way.size(), 1u);
  EXPECT_EQ(transport.under_way[0].Body(),
            R"({"queue":"orders-queue","at":")" + ToIso8601(clock.WallMs()) + R"(","ms":40})");
  transport.Answer(200);
  EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
  journal.Commit();
  EXPECT_EQ(RowOf("e1").state, store::EventState::kDone);
}

TEST_F(PipelinePublishTest, EmbeddedQueuesNeverSeeThePublisher) {
  elsewhere = false;
  Start();
  Post("e1");
  journal.Commit();
  EXPECT_TRUE(publisher.under_way.empty());
  EXPECT_TRUE(RowOf("e1").event.embedded);
  EXPECT_EQ(transport.under_way.size(), 1u);
}

TEST_F(PipelinePublishTest, EachStepHasAPolicyOfItsOwn) {
  options.publish.retry.attempts = 2;
  policy.attempts = 3;
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  publisher.Refuse(ErrorCode::kUpstreamError);
  Advance(1000);
  publisher.Take();
  journal.Commit();
  transport.Answer(503);
  Advance(1000);
  transport.Answer(503);
  Advance(2000);
  transport.Answer(503);
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  EXPECT_EQ(OnlyLetter().step, Step::kRequest);
  EXPECT_EQ(OnlyLetter().tries.size(), 3u) << "those of the step that failed";
  EXPECT_EQ(counters.retried, 3u) << "one to publish, two to request";
  EXPECT_EQ(finished[0].attempts, 3);
}

TEST_F(PipelinePublishTest, PublishingThatFailsForGoodIsBuriedAtItsStep) {
  options.publish.retry.attempts = 2;
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  publisher.Refuse(ErrorCode::kUpstreamError);
  Advance(1000);
  Advance(300);  // the second try gets no answer
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  EXPECT_EQ(caller->answers[0].error.code, ErrorCode::kTimeout);
  EXPECT_EQ(OnlyLetter().step, Step::kPublish);
  EXPECT_EQ(OnlyLetter().code, "TIMEOUT");
  ASSERT_EQ(OnlyLetter().tries.size(), 2u);
  EXPECT_EQ(OnlyLetter().tries[0].code, "UPSTREAM_ERROR");
  EXPECT_EQ(OnlyLetter().tries[1].duration_ms, 300);
  EXPECT_EQ(OnlyLetter().tries[1].at - OnlyLetter().tries[0].at, 1000);
  EXPECT_TRUE(transport.ended.empty());
  EXPECT_EQ(finished[0].attempts, 2);
  EXPECT_EQ(Post("e1")->kind(), AnswerKind::kDuplicate);
}

TEST_F(PipelinePublishTest, AReplayResumesAtTheStepThatFailed) {
  Start();
  Post("e1");
  journal.Commit();
  publisher.Refuse(ErrorCode::kBadRequest);
  journal.Commit();
  const auto published = Replay("e1");
  journal.Commit();
  publisher.Take();
  journal.Commit();
  EXPECT_EQ(publisher.taken[0], publisher.refused[0]) << "the whole message, under its key";
  transport.Answer(404);
  journal.Commit();
  EXPECT_EQ(published->kind(), AnswerKind::kDead);
  EXPECT_EQ(OnlyLetter().step, Step::kRequest);
  const auto requested = Replay("e1");
  journal.Commit();
  EXPECT_TRUE(publisher.under_way.empty()) << "it is in its queue already";
  transport.Answer(200);
  EXPECT_EQ(requested->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(transport.ended[0].wire, transport.ended[1].wire);
}

TEST_F(PipelinePublishTest, AFinishedEventIsPublishedOnceMoreAndRequestedInTheSameBytes) {
  Start();
  Post("e1");
  journal.Commit();
  publisher.Take();
  journal.Commit();
  transport.Answer(200);
  journal.Commit();
  Advance(60'000);
  const auto again = Replay("e1", true);
  journal.Commit();
  ASSERT_EQ(publisher.under_way.size(), 1u);
  publisher.Take();
  journal.Commit();
  transport.Answer(200);
  EXPECT_EQ(again->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(publisher.taken[0], publisher.taken[1]);
  EXPECT_EQ(transport.ended[0].wire, transport.ended[1].wire);
  EXPECT_EQ(RowOf("e1").messages, 2);
}

TEST_F(PipelinePublishTest, ARecordThatTheStoreRefusesIsOfferedAgainAndNothingIsPublishedTwice) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  publisher.Take();
  const std::int64_t at = clock.WallMs();
  journal.refuse_records = true;
  journal.Commit();
  EXPECT_TRUE(transport.under_way.empty());
  Advance(1000);
  journal.refuse_records = false;
  journal.Commit();
  EXPECT_EQ(RowOf("e1").event.published_at, at) << "when it was, not when it could be written";
  transport.Answer(200);
  EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(publisher.taken.size(), 1u);
}

TEST_F(PipelinePublishTest, ACrashBeforeTheRecordPublishesAgainUnderTheSameKey) {
  Start();
  Post("e1");
  journal.Commit();
  publisher.Take();
  journal.refuse_records = true;
  journal.Commit();
  journal.refuse_records = false;
  Restart();
  ASSERT_EQ(publisher.under_way.size(), 1u);
  publisher.Take();
  EXPECT_EQ(publisher.taken[0], publisher.taken[1]);
  journal.Commit();
  transport.Answer(200);
  journal.Commit();
  EXPECT_EQ(RowOf("e1").state, store::EventState::kDone);
}

TEST_F(PipelinePublishTest, ACrashAfterTheRecordGoesOnWithTheRequest) {
  Start();
  Post("e1");
  journal.Commit();
  publisher.Take();
  journal.Commit();
  const std::string sent = transport.under_way[0].wire;
  Advance(5000);
  Restart();
  EXPECT_TRUE(publisher.under_way.empty());
  ASSERT_EQ(transport.under_way.size(), 1u);
  EXPECT_EQ(transport.under_way[0].wire, sent);
}

// The option has been taken away since: nobody could take the event.
TEST_F(PipelinePublishTest, WithoutAPublisherWhatIsToBePublishedElsewhereIsBuried) {
  Start();
  Post("e1");
  Post("e2");
  journal.Commit();
  publisher.Take();
  journal.Commit();
  elsewhere = false;
  Restart();
  EXPECT_EQ(transport.under_way.size(), 1u) << "what is in its queue goes on";
  journal.Commit();
  EXPECT_EQ(OnlyLetter().event_id, "e2");
  EXPECT_EQ(OnlyLetter().step, Step::kPublish);
  EXPECT_EQ(OnlyLetter().code, "CONFIG_INVALID");
  EXPECT_NE(OnlyLetter().error.find("orders-queue"), std::string::npos);
  elsewhere = true;
  Restart();
  const auto caller = Replay("e2");
  journal.Commit();
  EXPECT_EQ(publisher.under_way.size(), 1u) << "and with one it is published after all";
}

TEST_F(PipelinePublishTest, StoppingLetsTheHandedOverFinishAndParksTheRest) {
  options.publish.max_in_flight = 2;
  Start();
  const auto taken = Post("e1");
  const auto refused = Post("e2");
  const auto in_line = Post("e3");
  journal.Commit();
  int stopped = 0;
  pipeline->Stop(10'000, [&] { ++stopped; });
  EXPECT_EQ(in_line->kind(), AnswerKind::kAccepted);
  EXPECT_EQ(taken->kind(), std::nullopt);
  publisher.Take();
  publisher.Refuse(ErrorCode::kUpstreamError);
  EXPECT_EQ(refused->kind(), AnswerKind::kAccepted) << "its next try is the next start's";
  EXPECT_EQ(stopped, 0) << "that the first is published is on its way to the disk";
  journal.Commit();
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(taken->kind(), AnswerKind::kAccepted);
  EXPECT_NE(RowOf("e1").event.published_at, 0);
  EXPECT_EQ(RowOf("e2").event.published_at, 0);
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_TRUE(journal.dead_letters.empty());
  EXPECT_EQ(counters.pending, 0u);
}

TEST_F(PipelinePublishTest, AfterTheGraceThePublisherIsNotWaitedForEither) {
  Start();
  const auto with_publisher = Post("e1");
  const auto with_store = Post("e2");
  journal.Commit();
  publisher.under_way[1].done(Ok());
  publisher.under_way.pop_back();
  int stopped = 0;
  pipeline->Stop(100, [&] { ++stopped; });
  Advance(100);
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(with_publisher->kind(), AnswerKind::kAccepted);
  EXPECT_EQ(with_store->kind(), AnswerKind::kAccepted);
  EXPECT_EQ(publisher.given_up, 1);
  pipeline.reset();
  journal.Commit();
}

TEST_F(PipelinePublishTest, DestroyedInEveryState) {
  options.publish.max_in_flight = 2;
  Start();
  for (const char* id : {"sending", "recording", "in line", "waiting"}) Post(id);
  journal.Commit();
  publisher.under_way[1].done(Ok());
  std::erase_if(publisher.under_way, [](const auto& one) { return one.message.event_id == "recording"; });
  publisher.under_way[1].done(Error{.code = ErrorCode::kUpstreamError, .message = "x"});
  pipeline.reset();
  publisher.under_way.clear();
  journal.Commit();
  EXPECT_EQ(timers.size(), 0u);
}

}  // namespace
}  // namespace trunkline::test
