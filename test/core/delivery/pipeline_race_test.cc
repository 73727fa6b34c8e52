// What meets at an unlucky moment: replays and posts of one id, records that come late, and the end in the
// middle of it.
#include "delivery/pipeline.h"
#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;

class PipelineRaceTest : public PipelineFixture {
 protected:
  void End(const std::string& event_id, int status) {
    Post(event_id);
    journal.Commit();
    transport.Answer(status);
    journal.Commit();
  }
  void Stop(std::int64_t grace_ms = 1000) {
    pipeline->Stop(grace_ms, [this] { ++stopped; });
  }
  store::EventState StateOf(const std::string& event_id) { return journal.Latest(event_id)->state; }

  int stopped = 0;
};

TEST_F(PipelineRaceTest, AReplayDoesNotPutOffTheSendersAnswer) {
  Start();
  const auto sender = Post("e1");
  journal.Commit();
  Advance(4000);
  const auto replay = Replay("e1");
  Advance(1000);
  EXPECT_EQ(sender->kind(), AnswerKind::kAccepted) << "its five seconds are over";
  EXPECT_EQ(replay->kind(), std::nullopt) << "the replay's are not";
  Advance(4000);
  EXPECT_EQ(replay->kind(), AnswerKind::kAccepted);
}

TEST_F(PipelineRaceTest, TheTimeOnTheWayToTheDiskIsPartOfTheSenders) {
  Start();
  const auto sender = Post("e1");
  Advance(3000);
  journal.Commit();
  Advance(1999);
  EXPECT_EQ(sender->kind(), std::nullopt);
  Advance(1);
  EXPECT_EQ(sender->kind(), AnswerKind::kAccepted);
}

// A replay with the whole event finds nothing, and before it knows so the sender's own post comes: one row,
// one call, one key.
TEST_F(PipelineRaceTest, AReplayAndAPostOfOneNewIdAreOneDelivery) {
  for (const bool stored_first : {false, true}) {
    const std::string id = stored_first ? "e1" : "e2";
    Start();
    transport.ended.clear();
    journal.held.clear();
    journal.hold_finds = true;
    const auto replay = Replay(id, true);
    journal.Commit();
    ASSERT_EQ(journal.held.size(), 1u);
    const auto sender = Post(id);
    if (stored_first) journal.Commit();
    journal.hold_finds = false;
    journal.held.front()();
    journal.Commit();
    ASSERT_EQ(transport.under_way.size(), 1u);
    transport.Answer(200);
    journal.Commit();
    EXPECT_EQ(sender->kind(), AnswerKind::kProcessed);
    EXPECT_EQ(replay->kind(), AnswerKind::kProcessed);
    EXPECT_EQ(transport.ended.size(), 1u);
    EXPECT_EQ(journal.rows.size(), stored_first ? 2u : 1u);
    EXPECT_EQ(counters.pending, 0u);
  }
}

TEST_F(PipelineRaceTest, AReplayWhoseEventIsStoredAndDoneMeanwhileKeepsItsKey) {
  Start();
  journal.hold_finds = true;
  const auto replay = Replay("e1", true);
  journal.Commit();
  End("e1", 200);
  journal.hold_finds = false;
  journal.held.front()();
  journal.Commit();
  transport.Answer(200);
  EXPECT_EQ(replay->kind(), AnswerKind::kProcessed);
  EXPECT_EQ(journal.rows.size(), 1u);
  EXPECT_EQ(transport.ended[0].wire, transport.ended[1].wire);
}

// Done, but not written down; replayed, and dead: the record of the first end must not turn up afterwards.
TEST_F(PipelineRaceTest, ALateRecordDoesNotUndoAReplay) {
  Start();
  Post("e1");
  journal.Commit();
  transport.Answer(200);
  journal.refuse_records = true;
  journal.Commit();
  journal.refuse_records = false;
  Replay("e1");
  journal.Commit();
  Advance(1000);  // when the record is offered again
  transport.Answer(404);
  journal.Commit();
  Advance(10'000);
  journal.Commit();
  EXPECT_EQ(StateOf("e1"), store::EventState::kDead);
  EXPECT_EQ(journal.dead_letters.size(), 1u);
}

// The store takes it for unfinished still, but it is done: it lies in its queue once more, as any other that
// is replayed.
TEST_F(PipelineRaceTest, AReplayOfADoneEventThatIsNotWrittenDownRunsFromTheStart) {
  Start();
  Post("e1");
  journal.Commit();
  transport.Answer(200);
  journal.refuse_records = true;
  journal.Commit();
  journal.refuse_records = false;
  const auto replay = Replay("e1");
  journal.Commit();
  EXPECT_EQ(journal.Latest("e1")->messages, 2);
  transport.Answer(200);
  EXPECT_EQ(replay->kind(), AnswerKind::kProcessed);
}

// The record is due when the replay is on its way to the disk: it must not be written after the reopening.
TEST_F(PipelineRaceTest, ARecordThatIsDueDuringAReopeningWaits) {
  Start();
  Post("e1");
  journal.Commit();
  transport.Answer(200);
  journal.refuse_records = true;
  journal.Commit();
  journal.refuse_records = false;
  Replay("e1");
  journal.CommitOne();  // found; the reopening is on its way
  Advance(1000);
  journal.Commit();
  EXPECT_EQ(StateOf("e1"), store::EventState::kUnfinished) << "a crash now has to resume it";
  transport.Answer(200);
  journal.Commit();
  EXPECT_EQ(StateOf("e1"), store::EventState::kDone);
}

// The same, but the replay is refused: then that record is all there is, and must not be dropped.
TEST_F(PipelineRaceTest, ALateRecordOutlivesAReplayThatTheStoreRefuses) {
  Start();
  Post("e1");
  journal.Commit();
  transport.Answer(200);
  journal.refuse_records = true;
  journal.Commit();
  const auto replay = Replay("e1");
  journal.Commit();
  EXPECT_EQ(replay->kind(), AnswerKind::kRefused);
  journal.refuse_records = false;
  Advance(1000);
  journal.Commit();
  EXPECT_EQ(StateOf("e1"), store::EventState::kDone);
  EXPECT_EQ(transport.ended.size(), 1u);
}

TEST_F(PipelineRaceTest, ADuplicateThatComesTooLateToJoin) {
  Start();
  const auto join = [this](const std::string& id) {
    auto caller = std::make_shared<Caller>();
    pipeline->JoinDuplicate(id, To(caller));
    return caller;
  };
  journal.refuse_appends = true;
  Post("e1");
  journal.Commit();
  EXPECT_EQ(join("e1")->kind(), AnswerKind::kRefused) << "nobody has it: its sender must try again";
  journal.refuse_appends = false;
  End("e1", 200);
  EXPECT_EQ(journal.rows.size(), 1u) << "asking had not claimed it";
  EXPECT_EQ(join("e1")->kind(), AnswerKind::kDuplicate);
}

TEST_F(PipelineRaceTest, RequestsTakeTheirTurnsInOrderAndWaitingForATryTakesNone) {
  exchange_options.max_in_flight = 2;
  Start();
  for (const char* id : {"e1", "e2", "e3", "e4"}) Post(id, "constructor");
  journal.Commit();
  ASSERT_EQ(transport.under_way.size(), 2u);
  transport.Fail(ErrorCode::kTimeout);
  ASSERT_EQ(transport.under_way.size(), 2u);
  EXPECT_EQ(transport.under_way[1].Header("Idempotency-Key"), journal.Latest("e3")->event.idempotency_key);
  Advance(1000);
  EXPECT_EQ(transport.under_way.size(), 2u) << "the second try of the first waits for its turn";
}

TEST_F(PipelineRaceTest, TheProductsJitterSpreadsTheTries) {
  policy = {};
  Start();
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 40; ++i) {
    Post("e" + std::to_string(i));
    journal.Commit();
    transport.Fail(ErrorCode::kConnectionFailed);
    std::int64_t waited = 0;
    while (transport.under_way.empty() && waited < 2000) {
      Advance(1);
      ++waited;
    }
    waits.push_back(waited);
    transport.Answer(200);
    journal.Commit();
  }
  const auto [least, most] = std::minmax_element(waits.begin(), waits.end());
  EXPECT_GE(*least, 1000);
  EXPECT_LE(*most, 1501);
  EXPECT_LT(*least, *most) << "senders in step would all come back at once";
}

TEST_F(PipelineRaceTest, ARequestThatCannotBeWrittenIsBuried) {
  options.request = *delivery::RequestTemplate::Compile("PO ST", "/x", "{}");
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  EXPECT_EQ(caller->answers[0].error.code, ErrorCode::kConfigInvalid);
  EXPECT_TRUE(transport.under_way.empty());
}

TEST_F(PipelineRaceTest, StoppingWaitsForWhatIsOnItsWayToTheDisk) {
  Start();
  const auto caller = Post("e1");
  const auto duplicate = Post("e1");
  Stop();
  EXPECT_EQ(stopped, 0);
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kAccepted);
  EXPECT_EQ(duplicate->kind(), AnswerKind::kDuplicate);
  EXPECT_TRUE(transport.under_way.empty()) << "the next start does that";
  EXPECT_EQ(stopped, 1);
}

TEST_F(PipelineRaceTest, StoppingWaitsForDeadLetters) {
  Start();
  const auto caller = Post("e1");
  journal.Commit();
  transport.Answer(404);
  Stop();
  EXPECT_EQ(stopped, 0);
  journal.Commit();
  EXPECT_EQ(caller->kind(), AnswerKind::kDead);
  EXPECT_EQ(stopped, 1);
}

// Its caller is told, and nothing begins that nobody would end.
TEST_F(PipelineRaceTest, StoppingRefusesReplaysThatAreBeingLookedUp) {
  for (const bool with_body : {false, true}) {
    Start();
    if (!with_body) End("dead", 404);
    const auto known = Replay("dead", with_body);
    const auto unknown = Replay("unknown", with_body);
    Stop();
    journal.Commit();
    EXPECT_EQ(known->kind(), AnswerKind::kRefused);
    EXPECT_EQ(unknown->kind(), AnswerKind::kRefused);
    EXPECT_EQ(StateOf("dead"), store::EventState::kDead);
    EXPECT_EQ(journal.rows.size(), 1u);
    EXPECT_TRUE(transport.under_way.empty());
    EXPECT_EQ(counters.pending, 0u);
  }
}

TEST_F(PipelineRaceTest, StoppingParksAReplayThatIsBeingReopened) {
  Start();
  End("e1", 404);
  const auto replay = Replay("e1");
  journal.CommitOne();  // found; the reopening is on its way
  Stop();
  EXPECT_EQ(stopped, 0);
  journal.Commit();
  EXPECT_EQ(replay->kind(), AnswerKind::kAccepted);
  EXPECT_EQ(stopped, 1);
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_EQ(StateOf("e1"), store::EventState::kUnfinished) << "for the next start";
}

TEST_F(PipelineRaceTest, DestroyedInTheMiddleOfEverything) {
  for (const bool stopped_first : {false, true}) {
    const std::string run = stopped_first ? "b-" : "a-";
    transport.under_way.clear();
    Start();
    End(run + "dead", 404);
    End(run + "done", 200);
    Post(run + "waiting");
    journal.Commit();
    transport.Answer(503);
    Post(run + "burying");
    journal.Commit();
    transport.Answer(404);
    Post(run + "in flight");
    while (transport.under_way.empty()) journal.CommitOne();
    Post(run + "storing");
    Post(run + "storing");
    for (const char* id : {"dead", "done"}) Replay(run + id);
    Replay(run + "new", true);
    if (stopped_first) Stop();
    pipeline.reset();
    journal.Commit();
    if (!transport.under_way.empty()) transport.Answer(200);
    Advance(100'000);
    EXPECT_EQ(timers.size(), 0u) << "timers go with it";
    EXPECT_TRUE(transport.under_way.empty()) << "the dead send nothing";
  }
}

}  // namespace
}  // namespace trunkline::test
