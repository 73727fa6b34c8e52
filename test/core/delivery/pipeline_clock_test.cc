// A wall clock that jumps while events are under way: nobody's time runs out, nothing is done twice.
#include "delivery/pipeline.h"
#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kJumps[] = {kDay + 1, -kHour};

class PipelineClockTest : public PipelineFixture {
 protected:
  PipelineClockTest() { options.respond_within_ms = 600'000; }
  void Jump(std::int64_t ms) { clock.wall_ms += ms; }
};

TEST_F(PipelineClockTest, TriesWaitsAndDeadlinesAreNotConcerned) {
  options.deadline_ms = 10'000;
  for (const std::int64_t jump : kJumps) {
    Start();
    const auto caller = Post("e" + std::to_string(jump));
    Jump(jump);
    journal.Commit();
    ASSERT_EQ(transport.under_way.size(), 1u) << "a jump before the commit is no time that passed";
    Jump(jump);
    transport.Answer(503);
    Advance(999);
    EXPECT_TRUE(transport.under_way.empty());
    Advance(1);
    ASSERT_EQ(transport.under_way.size(), 1u);
    transport.Answer(200);
    journal.Commit();
    EXPECT_EQ(caller->kind(), AnswerKind::kProcessed);
    EXPECT_TRUE(journal.dead_letters.empty());

    const auto late = Post("late" + std::to_string(jump));
    journal.Commit();
    Jump(jump);
    Advance(9'999);
    EXPECT_TRUE(journal.buries == 0);
    Advance(1);
    journal.Commit();
    EXPECT_EQ(late->kind(), AnswerKind::kDead);
    journal.dead_letters.clear();
    journal.buries = 0;
  }
}

// The ring forgets an id when its lifetime is over, whether by a jump or by a platform that is down for a
// day.
TEST_F(PipelineClockTest, AnIdThatTheRingForgotIsADuplicateWhileItIsUnderWay) {
  Start();
  const auto first = Post("e1");
  journal.Commit();
  Jump(kDay + kHour);
  const auto second = Post("e1");
  journal.Commit();
  EXPECT_EQ(second->kind(), AnswerKind::kDuplicate);
  EXPECT_EQ(transport.under_way.size(), 1u);
  EXPECT_EQ(counters.pending, 1u);
  transport.Answer(200);
  journal.Commit();
  EXPECT_EQ(first->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(counters.pending, 0u);
  EXPECT_EQ(Post("e1")->kind(), AnswerKind::kDuplicate) << "remembered again, from its end on";
  for (const auto& [seq, row] : journal.rows) EXPECT_EQ(row.state, store::EventState::kDone) << seq;
}

TEST_F(PipelineClockTest, AnIdThatIsForgottenOnItsWayToTheDiskIsDeliveredOnce) {
  Start();
  const auto first = Post("e1");
  Jump(kDay + kHour);
  const auto second = Post("e1");
  journal.Commit();
  EXPECT_EQ(second->kind(), AnswerKind::kDuplicate);
  ASSERT_EQ(transport.under_way.size(), 1u);
  transport.Answer(200);
  journal.Commit();
  EXPECT_EQ(first->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(counters.pending, 0u);
  EXPECT_EQ(Post("e1")->kind(), AnswerKind::kDuplicate);
  for (const auto& [seq, row] : journal.rows) EXPECT_EQ(row.state, store::EventState::kDone) << seq;
}

TEST_F(PipelineClockTest, NoLatencyIsNegative) {
  elsewhere = true;
  Start();
  Post("e1");
  journal.Commit();
  Jump(-kHour);
  publisher.Take();
  journal.Commit();
  ASSERT_EQ(transport.under_way.size(), 1u);
  EXPECT_NE(transport.under_way[0].wire.find(R"("ms":0)"), std::string::npos) << transport.under_way[0].wire;
}

TEST_F(PipelineClockTest, AnIdStaysKnownWhenTheClockGoesBack) {
  Start();
  const auto first = Post("e1");
  journal.Commit();
  transport.Answer(200);
  journal.Commit();
  Jump(-kHour);
  EXPECT_EQ(Post("e1")->kind(), AnswerKind::kDuplicate);
  const auto next = Post("e2");
  journal.Commit();
  transport.Answer(200);
  journal.Commit();
  EXPECT_EQ(next->kind(), AnswerKind::kProcessed);
  Jump(kHour);
  EXPECT_EQ(Post("e1")->kind(), AnswerKind::kDuplicate);
  EXPECT_EQ(Post("e2")->kind(), AnswerKind::kDuplicate);
}

}  // namespace
}  // namespace trunkline::test
