// Deliveries whose only step is a function: no request follows.
#include "delivery/pipeline.h"
#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;

class PipelineFunctionTest : public PipelineFixture {
 protected:
  PipelineFunctionTest() {
    elsewhere = true;
    options.request.reset();
    options.respond_within_ms = 600'000;
  }
};

TEST_F(PipelineFunctionTest, WhatItHasTakenIsDone) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  publisher.Take();
  EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
  journal.Commit();
  EXPECT_EQ(journal.Latest("e1")->state, store::EventState::kDone);
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_EQ(counters.processed, 1u);
}

TEST_F(PipelineFunctionTest, AfterACrashItIsAskedAgainUnderTheSameKey) {
  Start();
  Post("e1");
  journal.Commit();
  const std::string key = publisher.under_way[0].message.idempotency_key;
  publisher.Take();
  Start();  // the success was not on disk yet
  publisher.under_way.clear();
  store::StoredEvent event = journal.Latest("e1")->event;
  event.payload = EventBody("e1");
  pipeline->Resume({event});
  ASSERT_EQ(publisher.under_way.size(), 1u);
  EXPECT_EQ(publisher.under_way[0].message.idempotency_key, key);
}

TEST_F(PipelineFunctionTest, ItsDeadLetterNamesTheRequestAndAReplayAsksItAgain) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  publisher.Refuse(ErrorCode::kBadRequest);
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  ASSERT_EQ(journal.dead_letters.size(), 1u);
  EXPECT_EQ(journal.dead_letters.begin()->second.step, store::Step::kRequest);
  const auto replayed = Replay("e1");
  journal.Commit();
  ASSERT_EQ(publisher.under_way.size(), 1u);
  publisher.Take();
  EXPECT_EQ(replayed->kind(), AnswerKind::kProcessed);
}

}  // namespace
}  // namespace trunkline::test
