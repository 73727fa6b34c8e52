// The consumer: no more in hand than agreed, everything again until it is settled, and an end that waits.
#include "delivery/consumer.h"

#include <gtest/gtest.h>

#include <deque>

#include "support/manual_clock.h"

namespace trunkline::delivery {
namespace {

// A log that answers when the test says so.
class MemoryLog final : public store::QueueLog {
 public:
  std::deque<store::QueueMessage> ready;
  std::vector<std::string> record;
  bool refuses = false;
  int takes = 0;
  std::int64_t next_due_at = 0;

  void Commit() {
    while (!waiting.empty()) {
      const auto answer = std::move(waiting.front());
      waiting.pop_front();
      answer();
    }
  }

  void Take(std::string, int limit, std::int64_t, Callback<store::TakenMessages> callback) override {
    ++takes;
    waiting.push_back([this, limit, callback = std::move(callback)] {
      if (refuses) return callback(Refused());
      store::TakenMessages taken;
      for (; !ready.empty() && static_cast<int>(taken.messages.size()) < limit; ready.pop_front()) {
        taken.messages.push_back(ready.front());
      }
      taken.look_again = static_cast<int>(taken.messages.size()) == limit;
      taken.next_due_at = next_due_at;
      callback(std::move(taken));
    });
  }
  void Ack(std::int64_t seq, int deliveries, Recorded callback) override {
    Record("ack " + Name(seq, deliveries), std::move(callback));
  }
  void Nack(std::int64_t seq, int deliveries, std::int64_t delay_ms, store::Try failed,
            Recorded callback) override {
    Record("nack " + Name(seq, deliveries) + " " + failed.code + " " + std::to_string(delay_ms),
           std::move(callback));
  }
  void BuryMessage(store::DeadLetter letter, int deliveries, Callback<bool> callback) override {
    buried.push_back(letter);
    Record("bury " + Name(letter.seq, deliveries), [callback](const Status& status) {
      if (status.ok()) return callback(true);
      callback(status.error());
    });
  }
  std::vector<store::DeadLetter> buried;
  std::deque<std::function<void()>> waiting;

 private:
  static Error Refused() { return {.code = ErrorCode::kStoreUnavailable, .message = "the disk is full"}; }
  static std::string Name(std::int64_t seq, int deliveries) {
    return std::to_string(seq) + "/" + std::to_string(deliveries);
  }
  void Record(std::string what, Recorded callback) {
    waiting.push_back([this, what = std::move(what), callback = std::move(callback)] {
      if (refuses) return callback(Refused());
      record.push_back(what);
      callback(Ok());
    });
  }
};

class ConsumerTest : public testing::Test {
 protected:
  void Start(int concurrency) {
    consumer.emplace(
        ConsumerOptions{.queue = "q", .concurrency = concurrency, .retry = policy}, log, timers, clock,
        [this](store::QueueMessage message) { handed.push_back(message.event.seq); },
        [this](const Error& error) { failures.push_back(error); });
  }
  void Put(std::int64_t seq, int deliveries = 1) {
    store::QueueMessage message;
    message.event.seq = seq;
    message.event.event_id = "e" + std::to_string(seq);
    message.deliveries = deliveries;
    log.ready.push_back(message);
  }
  void Pass(std::int64_t ms) {
    clock.Advance(ms);
    timers.Advance(clock.MonotonicMs());
  }
  static Status Thrown() { return Error{.code = ErrorCode::kAborted, .message = "the handler threw"}; }
  using Seqs = std::vector<std::int64_t>;

  std::shared_ptr<const retry::Policy> policy = std::make_shared<retry::Policy>(
      retry::Policy{.attempts = 3, .base_ms = 100, .factor = 2, .jitter = retry::Jitter::kNone});
  test::ManualClock clock;
  retry::TimerWheel timers{clock.MonotonicMs()};
  MemoryLog log;
  std::vector<std::int64_t> handed;
  std::vector<Error> failures;
  std::optional<Consumer> consumer;
};

TEST_F(ConsumerTest, HasNoMoreInHandThanAgreed) {
  for (int seq = 1; seq <= 5; ++seq) Put(seq);
  Start(2);
  log.Commit();
  EXPECT_EQ(handed, (Seqs{1, 2}));
  consumer->Settle(2, 1, Ok());
  log.Commit();
  EXPECT_EQ(handed, (Seqs{1, 2, 3}));
  consumer->Settle(1, 1, Ok());
  consumer->Settle(3, 1, Ok());
  log.Commit();
  EXPECT_EQ(handed, (Seqs{1, 2, 3, 4, 5}));
  EXPECT_EQ(log.record, (std::vector<std::string>{"ack 2/1", "ack 1/1", "ack 3/1"}));
}

TEST_F(ConsumerTest, WhatThrowsComesAgainAndIsGivenUpInTheEnd) {
  Put(1);
  Start(1);
  log.Commit();
  clock.Advance(40);
  log.next_due_at = clock.WallMs() + 100;
  consumer->Settle(1, 1, Thrown());
  log.Commit();
  EXPECT_EQ(log.record.back(), "nack 1/1 ABORTED 100");
  Put(1, 2);
  Pass(99);
  log.Commit();
  EXPECT_EQ(handed, Seqs{1});
  Pass(1);
  log.Commit();
  EXPECT_EQ(handed, (Seqs{1, 1})) << "looked for when it is due";
  log.next_due_at = clock.WallMs() + 200;
  consumer->Settle(1, 2, Thrown());
  log.Commit();
  EXPECT_EQ(log.record.back(), "nack 1/2 ABORTED 200");
  Put(1, 3);
  Pass(200);
  log.Commit();
  consumer->Settle(1, 3, Thrown());
  log.Commit();
  EXPECT_EQ(log.record.back(), "bury 1/3");
  ASSERT_EQ(log.buried.size(), 1U);
  EXPECT_EQ(log.buried[0].event_id, "e1");
  EXPECT_EQ(log.buried[0].step, store::Step::kConsume);
  EXPECT_EQ(log.buried[0].error, "the handler threw");
}

TEST_F(ConsumerTest, LooksWhenItIsToldAndNowAndThen) {
  Start(1);
  log.Commit();
  const int before = log.takes;
  consumer->Look();
  consumer->Look();
  EXPECT_EQ(log.takes, before + 1);
  log.Commit();
  EXPECT_EQ(log.takes, before + 2) << "it was told while it looked";
  Pass(1000);
  EXPECT_EQ(log.takes, before + 3);
}

TEST_F(ConsumerTest, AResultThatComesTwiceOrOfAnOlderHandingOutCountsOnce) {
  Put(1);
  Start(2);
  log.Commit();
  Put(1, 2);  // its time was over
  consumer->Look();
  log.Commit();
  EXPECT_EQ(handed, (Seqs{1, 1}));
  consumer->Settle(1, 1, Ok());
  consumer->Settle(1, 1, Ok());
  consumer->Settle(1, 2, Ok());
  consumer->Settle(7, 1, Ok());
  log.Commit();
  EXPECT_EQ(log.record, (std::vector<std::string>{"ack 1/1", "ack 1/2"}));
}

TEST_F(ConsumerTest, AStoreThatRefusesIsToldOnceAndAskedAgain) {
  log.refuses = true;
  Start(1);
  log.Commit();
  Pass(1000);
  log.Commit();
  EXPECT_EQ(failures.size(), 1U);
  log.refuses = false;
  Put(1);
  Pass(1000);
  log.Commit();
  EXPECT_EQ(handed, Seqs{1});
  log.refuses = true;
  consumer->Settle(1, 1, Ok());
  log.Commit();
  EXPECT_EQ(failures.size(), 2U);
}

TEST_F(ConsumerTest, ItsEndWaitsForWhatIsInHand) {
  Put(1);
  Put(2);
  Start(1);
  log.Commit();
  bool stopped = false;
  consumer->Stop(1000, [&] { stopped = true; });
  EXPECT_FALSE(stopped);
  consumer->Settle(1, 1, Ok());
  EXPECT_FALSE(stopped) << "it is not written down";
  log.Commit();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(handed, Seqs{1});
  EXPECT_EQ(timers.size(), 0U);
}

TEST_F(ConsumerTest, ItsEndDoesNotWaitForever) {
  Put(1);
  Start(1);
  log.Commit();
  bool stopped = false;
  consumer->Stop(1000, [&] { stopped = true; });
  Pass(999);
  EXPECT_FALSE(stopped);
  Pass(1);
  log.Commit();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(log.record, std::vector<std::string>{"nack 1/1 CLOSED 0"}) << "somebody else gets it at once";
  consumer->Settle(1, 1, Ok());
  log.Commit();
  EXPECT_EQ(log.record.size(), 1U) << "too late";
}

TEST_F(ConsumerTest, WhatEverybodyDiedOfIsGivenUp) {
  Put(1, 4);
  Start(1);
  log.Commit();
  EXPECT_TRUE(handed.empty());
  EXPECT_EQ(log.record, std::vector<std::string>{"bury 1/4"});
}

TEST_F(ConsumerTest, WhatWasTakenForOneThatHasStoppedIsGivenBack) {
  Put(1);
  Start(1);
  bool stopped = false;
  consumer->Stop(1000, [&] { stopped = true; });
  log.Commit();
  EXPECT_TRUE(handed.empty());
  EXPECT_EQ(log.record, std::vector<std::string>{"nack 1/1 CLOSED 0"});
  EXPECT_TRUE(stopped);
}

TEST_F(ConsumerTest, MayBeDestroyedWhileItWaits) {
  Put(1);
  Start(1);
  consumer.reset();
  log.Commit();
  EXPECT_TRUE(handed.empty());
}

}  // namespace
}  // namespace trunkline::delivery
