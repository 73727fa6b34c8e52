// Random faults, delays, replays and deaths of the process: in the end every accepted event is processed or a
// dead letter, whoever asked a process that lived on was answered exactly once, and no key differs between
// the tries of an event.
#include <map>
#include <random>

#include "delivery/pipeline.h"
#include "pipeline_fixture.h"

namespace trunkline::test {
namespace {

using delivery::AnswerKind;

class PipelineRestartTest : public PipelineFixture {
 protected:
  struct Asked {
    std::string id;
    int life = 0;  // of the process, counted in restarts
    CallerPtr caller;
  };

  // The process dies: what was on its way to the disk may arrive there, and nobody hears of it. The next one
  // goes on.
  void Die() {
    pipeline.reset();
    journal.Commit();
    EXPECT_TRUE(transport.under_way.empty() && publisher.under_way.empty()) << "the dead wait for nobody";
    counters.pending = 0;
    admission = MakeAdmission();
    Start();
    std::vector<store::StoredEvent> unfinished;
    for (const auto& [seq, row] : journal.rows) {
      admission->ring().Restore(row.event.event_id, row.state != store::EventState::kUnfinished,
                                row.event.received_at);
      if (row.state == store::EventState::kUnfinished) unfinished.push_back(row.event);
    }
    pipeline->Resume(std::move(unfinished));
  }

  void AnswerOne(std::uint64_t dice) {
    if (transport.under_way.empty()) return;
    switch (dice % 12) {
      case 0:
      case 1:
        return transport.Answer(503);
      case 2:
        return transport.Answer(429, {{"retry-after", std::to_string(dice / 12 % 70)}});
      case 3:
        return transport.Answer(404);
      case 4:
        return transport.Fail(ErrorCode::kTimeout);
      case 5:
        return transport.Fail(ErrorCode::kConnectionFailed);
      default:
        return transport.Answer(200);
    }
  }

  void PublishOne(std::uint64_t dice) {
    if (publisher.under_way.empty()) return;
    switch (dice % 8) {
      case 0:
        return publisher.Refuse(ErrorCode::kUpstreamError);
      case 1:
        return publisher.Refuse(ErrorCode::kBadRequest);
      case 2:
        return;  // it takes its time, and is given up one day
      default:
        return publisher.Take();
    }
  }

  void RunWithSeed(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto one_in = [&](std::uint64_t n) { return random() % n == 0; };
    exchange_options.max_in_flight = 1 + random() % 4;
    elsewhere = one_in(2);
    options.publish.max_in_flight = 1 + random() % 4;
    options.order_by = one_in(2) ? delivery::OrderBy::kIntent : delivery::OrderBy::kNone;
    options.deadline_ms = one_in(3) ? 30'000 : 0;
    options.max_pending = 8 + random() % 30;
    admission = MakeAdmission();
    Start();
    bool stormy = true;
    journal.refuse_this = [&] { return stormy && one_in(6); };
    std::vector<Asked> asked;
    int life = 0;
    for (int step = 0; step < 600; ++step) {
      const std::string id = "e" + std::to_string(random() % 40);
      switch (random() % 8) {
        case 0:
        case 1:
          asked.push_back({id, life, Post(id)});
          break;
        case 2:
          asked.push_back({id, life, Replay(id, one_in(2))});
          break;
        case 3:
        case 4:
          for (std::size_t count = journal.waiting(); count > 0; --count) journal.CommitOne();
          break;
        case 5:
          Advance(static_cast<std::int64_t>(random() % 3000));
          break;
        default:
          AnswerOne(random());
          PublishOne(random());
          break;
      }
      if (one_in(200)) {
        Die();
        ++life;
      }
    }
    stormy = false;
    for (int calm = 0; calm < 1000 && (counters.pending > 0 || journal.waiting() > 0); ++calm) {
      journal.Commit();
      while (!publisher.under_way.empty()) publisher.Take();
      while (!transport.under_way.empty()) transport.Answer(200);
      Advance(1000);
    }
    Advance(100'000);
    journal.Commit();
    Check(asked, life);
  }

  void Check(const std::vector<Asked>& asked, int life) {
    EXPECT_EQ(counters.pending, 0u);
    EXPECT_EQ(counters.oldest_since_ms, 0);
    std::map<std::string, std::string> id_of_key;
    std::map<std::string, int> rows_of_id;
    for (const auto& [seq, row] : journal.rows) {
      EXPECT_NE(row.state, store::EventState::kUnfinished) << row.event.event_id;
      EXPECT_EQ(row.state == store::EventState::kDead, journal.dead_letters.contains(seq))
          << row.event.event_id;
      EXPECT_EQ(++rows_of_id[row.event.event_id], 1) << row.event.event_id << " is stored twice";
      id_of_key[row.event.idempotency_key] = row.event.event_id;
    }
    std::map<std::string, std::string> wire_of_key;
    for (const auto& sent : transport.ended) {
      const std::string key = sent.Header("Idempotency-Key");
      EXPECT_TRUE(id_of_key.contains(key)) << "sent under a key that is not stored";
      // An event that is published elsewhere once more may have another time of publishing after a crash.
      if (elsewhere && journal.Latest(id_of_key[key])->messages > 1) continue;
      EXPECT_EQ(wire_of_key.try_emplace(key, sent.wire).first->second, sent.wire);
    }
    std::map<std::string, MemoryPublisher::Message> message_of_key;
    for (const auto& message : publisher.taken) {
      EXPECT_EQ(id_of_key[message.idempotency_key], message.event_id);
      EXPECT_EQ(message_of_key.try_emplace(message.idempotency_key, message).first->second, message);
    }
    for (const auto& [seq, row] : journal.rows) {
      const bool requested = row.state == store::EventState::kDone;
      if (elsewhere && requested) {
        EXPECT_TRUE(message_of_key.contains(row.event.idempotency_key))
            << row.event.event_id << " in no queue";
      }
    }
    for (const Asked& one : asked) {
      ASSERT_LE(one.caller->answers.size(), 1u) << one.id;
      if (one.life == life) {
        EXPECT_EQ(one.caller->answers.size(), 1u) << one.id << " was never answered";
      }
      const auto kind = one.caller->kind();
      if (kind && *kind != AnswerKind::kRefused && *kind != AnswerKind::kUnknown) {
        EXPECT_TRUE(rows_of_id.contains(one.id)) << one.id << " was acknowledged, and is not stored";
      }
    }
  }
};

TEST_F(PipelineRestartTest, EveryAcceptedEventEndsAndEveryoneIsAnsweredOnce) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    pipeline.reset();
    transport.under_way.clear();
    transport.ended.clear();
    publisher.taken.clear();
    journal = MemoryJournal();
    counters.pending = 0;
    RunWithSeed(seed);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace trunkline::test
