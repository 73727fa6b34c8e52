// Order within a key: one after the other, whatever becomes of them; across keys nobody waits.
#include <map>
#include <random>
#include <set>

#include "delivery/pipeline.h"
#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;
using delivery::OrderBy;

class PipelineOrderTest : public PipelineFixture {
 protected:
  PipelineOrderTest() {
    options.order_by = OrderBy::kSession;
    options.respond_within_ms = 600'000;
    options.request =
        *delivery::RequestTemplate::Compile("POST", "/{dialogId}/{sessionId}/{intent}/{eventId}", "");
  }
  CallerPtr PostOf(const std::string& id, const std::string& session, const std::string& dialog = "d",
                   const std::string& intent = "i") {
    return PostBody(id, R"({"webhookEventId":")" + id + R"(","intent":")" + intent + R"(","dialogId":")" +
                            dialog + R"(","sessionId":")" + session + R"("})");
  }
  static std::string IdOf(const MemoryTransport::Sent& sent) {
    const std::string target = sent.wire.substr(0, sent.wire.find(" HTTP/1.1"));
    return target.substr(target.rfind('/') + 1);
  }
  std::vector<std::string> UnderWay() const {
    std::vector<std::string> ids;
    for (const auto& sent : transport.under_way) ids.push_back(IdOf(sent));
    return ids;
  }
  using Ids = std::vector<std::string>;
};

TEST_F(PipelineOrderTest, OneAfterTheOtherWithinAKeyAndSideBySideAcross) {
  Start();
  for (const char* id : {"a1", "b1", "a2", "a3", "b2"}) PostOf(id, std::string(1, id[0]));
  journal.Commit();
  EXPECT_EQ(UnderWay(), (Ids{"a1", "b1"}));
  transport.Answer(200);
  EXPECT_EQ(UnderWay(), (Ids{"b1", "a2"})) << "the next begins when the one before is done";
  transport.Answer(200);
  EXPECT_EQ(UnderWay(), (Ids{"a2", "b2"}));
  transport.Answer(200);
  transport.Answer(200);
  EXPECT_EQ(UnderWay(), Ids{"a3"});
  transport.Answer(200);
  EXPECT_EQ(counters.processed, 5u);
  EXPECT_EQ(counters.pending, 0u);
}

TEST_F(PipelineOrderTest, ByWhatIsAskedFor) {
  for (const auto& [by, expected] :
       std::initializer_list<std::pair<OrderBy, Ids>>{{OrderBy::kNone, {"e1", "e2", "e3", "e4"}},
                                                      {OrderBy::kSession, {"e1", "e2", "e3"}},
                                                      {OrderBy::kDialog, {"e1", "e3", "e4"}},
                                                      {OrderBy::kIntent, {"e1", "e2", "e4"}}}) {
    options.order_by = by;
    transport.under_way.clear();
    pipeline.reset();
    admission = MakeAdmission();
    Start();
    PostOf("e1", "s1", "d1", "i1");
    PostOf("e2", "s2", "d1", "i2");
    PostOf("e3", "s3", "d2", "i1");
    PostOf("e4", "s1", "d4", "i4");
    journal.Commit();
    EXPECT_EQ(UnderWay(), expected) << static_cast<int>(by);
  }
}

TEST_F(PipelineOrderTest, ARetryHoldsUpItsKeyAlone) {
  Start();
  PostOf("a1", "a");
  PostOf("a2", "a");
  PostOf("b1", "b");
  journal.Commit();
  transport.Answer(503);
  EXPECT_EQ(UnderWay(), Ids{"b1"});
  Advance(1000);
  EXPECT_EQ(UnderWay(), (Ids{"b1", "a1"}));
}

TEST_F(PipelineOrderTest, ADeadLetterLetsTheNextGoOnOnceItIsWrittenDown) {
  Start();
  const auto first = PostOf("a1", "a");
  PostOf("a2", "a");
  journal.Commit();
  journal.refuse_records = true;
  transport.Answer(404);
  journal.Commit();
  EXPECT_TRUE(transport.under_way.empty()) << "a crash now would bring the first one back";
  journal.refuse_records = false;
  Advance(1000);
  journal.Commit();
  EXPECT_EQ(first->kind(), AnswerKind::kDead);
  EXPECT_EQ(UnderWay(), Ids{"a2"});
}

TEST_F(PipelineOrderTest, SendersInLineAreAnsweredInTime) {
  options.respond_within_ms = 500;
  Start();
  PostOf("a1", "a");
  const auto second = PostOf("a2", "a");
  const auto replay = std::make_shared<Caller>();
  journal.Commit();
  EXPECT_EQ(PostOf("a2", "a")->kind(), AnswerKind::kDuplicate);
  pipeline->Replay("a2", std::nullopt, clock.MonotonicUs(), To(replay));
  Advance(500);
  EXPECT_EQ(second->kind(), AnswerKind::kAccepted);
  EXPECT_EQ(replay->kind(), AnswerKind::kAccepted) << "it is under way: waited for";
  EXPECT_EQ(UnderWay(), Ids{"a1"});
}

TEST_F(PipelineOrderTest, AReplayQueuesLikeANewOne) {
  Start();
  PostOf("a1", "a");
  PostOf("a2", "a");
  PostOf("a3", "a");
  journal.Commit();
  transport.Answer(404);
  journal.Commit();
  const auto replay = Replay("a1");
  journal.Commit();
  PostOf("a4", "a");
  journal.Commit();
  Ids order;
  while (!transport.under_way.empty()) {
    ASSERT_EQ(transport.under_way.size(), 1u);
    order.push_back(UnderWay()[0]);
    transport.Answer(200);
  }
  EXPECT_EQ(order, (Ids{"a2", "a3", "a1", "a4"}));
  EXPECT_EQ(replay->kind(), AnswerKind::kProcessed);
}

TEST_F(PipelineOrderTest, ResumedEventsKeepTheirOrderAndGoBeforeNewOnes) {
  Start();
  for (const char* id : {"a1", "a2", "a3"}) PostOf(id, "a");
  journal.Commit();
  std::vector<store::StoredEvent> left;
  for (const auto& [seq, row] : journal.rows) left.push_back(row.event);
  pipeline.reset();
  counters.pending = 0;
  admission = MakeAdmission();
  Start();
  transport.under_way.clear();
  pipeline->Resume(left);
  PostOf("a4", "a");
  journal.Commit();
  Ids order;
  while (!transport.under_way.empty()) {
    ASSERT_EQ(transport.under_way.size(), 1u);
    order.push_back(UnderWay()[0]);
    transport.Answer(200);
  }
  EXPECT_EQ(order, (Ids{"a1", "a2", "a3", "a4"}));
}

TEST_F(PipelineOrderTest, StoppingParksThoseInLineAtOnce) {
  Start();
  const auto first = PostOf("a1", "a");
  std::vector<CallerPtr> others;
  for (int i = 0; i < 20'000; ++i) others.push_back(PostOf("w" + std::to_string(i), "a"));
  journal.Commit();
  int stopped = 0;
  pipeline->Stop(1000, [&] { ++stopped; });
  for (const auto& other : others) ASSERT_EQ(other->kind(), AnswerKind::kAccepted);
  EXPECT_EQ(counters.pending, 1u);
  transport.Answer(200);
  EXPECT_EQ(first->kind(), AnswerKind::kProcessed);
  EXPECT_TRUE(transport.under_way.empty());
  EXPECT_EQ(stopped, 1);
}

TEST_F(PipelineOrderTest, StoppingParksAWholeLineWhoseFirstWaitsForATry) {
  Start();
  for (int i = 0; i < 20'000; ++i) PostOf("w" + std::to_string(i), "a");
  journal.Commit();
  transport.Answer(503);
  int stopped = 0;
  pipeline->Stop(1000, [&] { ++stopped; });
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(counters.pending, 0u);
  EXPECT_TRUE(transport.under_way.empty());
}

TEST_F(PipelineOrderTest, ADeadLetterOfALongLineGoesThroughItOneByOne) {
  policy.attempts = 1;
  options.request = *delivery::RequestTemplate::Compile("PO ST", "/", "");  // cannot be written: ends at once
  Start();
  for (int i = 0; i < 5'000; ++i) PostOf("w" + std::to_string(i), "a");
  journal.Commit();
  EXPECT_EQ(counters.dead, 5'000u);
  EXPECT_EQ(counters.pending, 0u);
}

// Posts, faults, replays and time in any order: of one key never two at once, and each in the order in which
// it was let in.
TEST_F(PipelineOrderTest, AnyOrderOfThings) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto one_in = [&](unsigned n) { return random() % n == 0; };
    pipeline.reset();
    journal = MemoryJournal();
    transport.under_way.clear();
    transport.ended.clear();
    counters.pending = 0;
    admission = MakeAdmission();
    elsewhere = one_in(2);
    publisher.under_way.clear();
    exchange_options.max_in_flight = 1 + random() % 6;
    options.deadline_ms = one_in(2) ? 20'000 : 0;
    Start();
    journal.refuse_this = [&] { return one_in(8); };
    std::map<std::string, std::string> session_of;
    std::set<std::string> replayed;
    for (int step = 0; step < 600; ++step) {
      if (one_in(3)) {
        const std::string id = "e" + std::to_string(step);
        session_of[id] = std::string(1, static_cast<char>('a' + random() % 5));
        PostOf(id, session_of[id]);
      }
      if (one_in(10) && !session_of.empty()) {
        const auto& [id, session] = *std::next(session_of.begin(), random() % session_of.size());
        replayed.insert(id);
        Replay(id);
      }
      if (one_in(2)) journal.Commit();
      if (!publisher.under_way.empty() && one_in(2)) {
        one_in(3) ? publisher.Refuse(ErrorCode::kUpstreamError) : publisher.Take();
      }
      if (!transport.under_way.empty() && one_in(2)) {
        constexpr int kStatuses[] = {200, 200, 503, 404, 429};
        transport.Answer(kStatuses[random() % 5]);
      }
      if (one_in(3)) Advance(static_cast<std::int64_t>(random() % 1500));
      std::map<std::string, int> of_session;
      for (const auto& id : UnderWay()) ++of_session[session_of.at(id)];
      for (const auto& handed : publisher.under_way) ++of_session[session_of.at(handed.message.event_id)];
      for (const auto& [session, count] : of_session) ASSERT_EQ(count, 1) << session;
    }
    journal.refuse_this = nullptr;
    for (int calm = 0; calm < 3000 && counters.pending > 0; ++calm) {
      journal.Commit();
      while (!publisher.under_way.empty()) publisher.Take();
      while (!transport.under_way.empty()) transport.Answer(200);
      Advance(1000);
    }
    EXPECT_EQ(counters.pending, 0u) << "nobody is left in a line";
    EXPECT_EQ(counters.oldest_since_ms, 0);
    // Events that were never replayed were requested in the order of their rows.
    std::map<std::string, std::int64_t> last;
    std::set<std::string> seen;
    for (const auto& sent : transport.ended) {
      const std::string id = IdOf(sent);
      if (replayed.contains(id) || !seen.insert(id).second) continue;
      const std::int64_t seq = journal.Latest(id)->event.seq;
      EXPECT_GT(seq, std::exchange(last[session_of.at(id)], seq)) << id;
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace trunkline::test
