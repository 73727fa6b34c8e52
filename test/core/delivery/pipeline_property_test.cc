// Whatever goes wrong in whatever order: an event that was accepted ends processed or in the dead letters.
#include <map>
#include <random>

#include "delivery/pipeline.h"
#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;

class PipelineRandomTest : public PipelineFixture {
 protected:
  void RunWithSeed(unsigned seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto chance = [&random](int percent) { return static_cast<int>(random() % 100) < percent; };
    options.respond_within_ms = 1500;
    exchange_options.max_in_flight = 3;
    options.max_pending = 40;
    Start();
    std::map<std::string, CallerPtr> callers;
    for (int step = 0; step < 400; ++step) {
      if (chance(40)) {
        const std::string id = "e" + std::to_string(random() % 120);
        const auto caller = Post(id);
        if (!callers.contains(id) || callers[id]->kind() == AnswerKind::kRefused) callers[id] = caller;
      }
      if (chance(5)) Replay("e" + std::to_string(random() % 120), chance(50));
      journal.refuse_appends = chance(10);
      journal.refuse_records = chance(20);
      if (chance(50)) journal.Commit();
      while (!transport.under_way.empty() && chance(60)) {
        switch (random() % 5) {
          case 0:
            transport.Answer(503);
            break;
          case 1:
            transport.Answer(429, {{"retry-after", "1"}});
            break;
          case 2:
            transport.Fail(ErrorCode::kTimeout);
            break;
          case 3:
            transport.Answer(random() % 2 == 0 ? 200 : 404);
            break;
          default:
            transport.Answer(200);
            break;
        }
      }
      if (chance(50)) Advance(static_cast<std::int64_t>(random() % 1200));
    }
    journal.refuse_appends = journal.refuse_records = false;
    for (int i = 0; i < 200 && counters.pending > 0; ++i) {
      journal.Commit();
      while (!transport.under_way.empty()) transport.Answer(200);
      Advance(1000);
    }
    journal.Commit();
    Advance(1000);
    journal.Commit();

    EXPECT_EQ(counters.pending, 0u);
    for (const auto& [seq, row] : journal.rows)
      EXPECT_NE(row.state, store::EventState::kUnfinished) << row.event.event_id;
    for (const auto& [id, caller] : callers) {
      ASSERT_EQ(caller->answers.size(), 1u) << id;
      if (caller->kind() != AnswerKind::kRefused) {
        EXPECT_NE(journal.Latest(id), nullptr) << id << " was acknowledged";
      }
    }
    std::map<std::string, std::string> wire_of_key;
    for (const auto& sent : transport.ended) {
      const auto [known, is_new] = wire_of_key.try_emplace(sent.Header("Idempotency-Key"), sent.wire);
      if (!is_new) {
        EXPECT_EQ(known->second, sent.wire);
      }
    }
    EXPECT_EQ(wire_of_key.size(), journal.rows.size());
  }
};

TEST_F(PipelineRandomTest, NothingAcknowledgedIsLost) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    pipeline.reset();
    transport.under_way.clear();
    transport.ended.clear();
    journal = MemoryJournal();
    counters.pending = 0;
    admission = MakeAdmission();
    RunWithSeed(seed);
  }
}

}  // namespace
}  // namespace trunkline::test
