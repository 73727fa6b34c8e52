// The publish step by itself: turns, time-outs, tries, and results that come too late.
#include "delivery/publish_step.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "memory_publisher.h"
#include "support/manual_clock.h"

namespace trunkline::test {
namespace {

using delivery::PendingPublish;
using delivery::PublishStep;

class PublishStepTest : public ::testing::Test {
 protected:
  struct One {
    store::StoredEvent event;
    std::vector<Status> ends;
    std::vector<Error> failed;
    std::unique_ptr<PendingPublish> pending;
  };

  PublishStepTest() {
    options.retry.jitter = retry::Jitter::kNone;
    options.timeout_ms = 300;
  }
  void Make() {
    step.reset();
    step = std::make_unique<PublishStep>(options, publisher, timers, clock);
  }
  One& Start(const std::string& id) {
    One& one = *all.emplace_back(std::make_unique<One>());
    one.event = {.event_id = id,
                 .intent = "i",
                 .queue = "q",
                 .embedded = false,
                 .idempotency_key = "key of " + id,
                 .payload = "body of " + id};
    one.pending = std::make_unique<PendingPublish>(
        one.event, [&one](Status end) { one.ends.push_back(std::move(end)); },
        [&one](const Error& error) { one.failed.push_back(error); });
    step->Start(*one.pending);
    return one;
  }
  void Advance(std::int64_t ms) {
    for (; ms > 0; --ms) {
      clock.Advance(1);
      timers.Advance(clock.MonotonicMs());
    }
  }

  ManualClock clock;
  retry::TimerWheel timers{clock.MonotonicMs()};
  MemoryPublisher publisher;
  delivery::PublishOptions options;
  std::unique_ptr<PublishStep> step;
  std::vector<std::unique_ptr<One>> all;
};

TEST_F(PublishStepTest, HandsOverTheWholeMessageOnce) {
  Make();
  One& one = Start("e1");
  ASSERT_EQ(publisher.under_way.size(), 1u);
  EXPECT_TRUE(one.pending->sending());
  publisher.Take();
  ASSERT_EQ(one.ends.size(), 1u);
  EXPECT_TRUE(one.ends[0].ok());
  EXPECT_EQ(publisher.taken[0], (MemoryPublisher::Message{"q", "e1", "i", "key of e1", "body of e1"}));
  Advance(10'000);
  EXPECT_EQ(one.ends.size(), 1u);
  EXPECT_EQ(timers.size(), 0u);
}

TEST_F(PublishStepTest, TriesAgainAsThePolicySays) {
  Make();
  One& one = Start("e1");
  publisher.Refuse(ErrorCode::kUpstreamError);
  EXPECT_FALSE(one.pending->sending());
  Advance(999);
  EXPECT_TRUE(publisher.under_way.empty());
  Advance(1);
  ASSERT_EQ(publisher.under_way.size(), 1u);
  publisher.Refuse({.code = ErrorCode::kRateLimited, .message = "slower", .retry_after_ms = 3000});
  Advance(2999);
  EXPECT_TRUE(publisher.under_way.empty());
  Advance(1);
  publisher.Take();
  ASSERT_EQ(one.ends.size(), 1u);
  EXPECT_TRUE(one.ends[0].ok());
  EXPECT_EQ(one.pending->attempts(), 3);
  ASSERT_EQ(one.failed.size(), 2u);
  EXPECT_EQ(one.failed[1].code, ErrorCode::kRateLimited);
  EXPECT_EQ(one.failed[1].attempts, 2);
  EXPECT_EQ(publisher.refused[0], publisher.taken[0]) << "the same message at every try";
}

TEST_F(PublishStepTest, EndsWithTheLastErrorAfterTheLastTry) {
  options.retry.attempts = 2;
  Make();
  One& one = Start("e1");
  publisher.Refuse(ErrorCode::kUpstreamError);
  Advance(1000);
  publisher.Refuse(ErrorCode::kConnectionFailed);
  ASSERT_EQ(one.ends.size(), 1u);
  EXPECT_EQ(one.ends[0].error().code, ErrorCode::kConnectionFailed);
  EXPECT_EQ(one.ends[0].error().attempts, 2);
  EXPECT_EQ(timers.size(), 0u);
}

TEST_F(PublishStepTest, EndsAtOnceWithAnErrorThatNoTryMends) {
  Make();
  One& one = Start("e1");
  publisher.Refuse(ErrorCode::kAuthorizationFailed);
  ASSERT_EQ(one.ends.size(), 1u);
  EXPECT_EQ(one.ends[0].error().attempts, 1);
}

TEST_F(PublishStepTest, APublisherThatDoesNotAnswerIsTriedAgainAndItsLateResultIsNobodys) {
  Make();
  One& one = Start("e1");
  const auto late = publisher.under_way[0].ticket;
  Advance(299);
  EXPECT_TRUE(one.failed.empty());
  Advance(1);
  ASSERT_EQ(one.failed.size(), 1u);
  EXPECT_EQ(one.failed[0].code, ErrorCode::kTimeout);
  EXPECT_NE(one.failed[0].message.find("within 300 ms"), std::string::npos);
  EXPECT_EQ(publisher.given_up, 1);
  Advance(1000);
  ASSERT_EQ(publisher.under_way.size(), 1u);
  EXPECT_NE(publisher.under_way[0].ticket, late);
  publisher.Take();
  EXPECT_EQ(one.ends.size(), 1u);
}

TEST_F(PublishStepTest, TurnsAreBoundedAndWaitingForOneIsNoPartOfTheTimeOut) {
  options.max_in_flight = 2;
  Make();
  for (const char* id : {"e1", "e2", "e3", "e4"}) Start(id);
  ASSERT_EQ(publisher.under_way.size(), 2u);
  Advance(200);
  publisher.Take();
  ASSERT_EQ(publisher.under_way.size(), 2u);
  EXPECT_EQ(publisher.under_way[1].message.event_id, "e3");
  Advance(100);  // the time of e2 is over, and e4 has its turn
  EXPECT_EQ(all[1]->failed.size(), 1u);
  EXPECT_TRUE(all[2]->failed.empty());
  ASSERT_EQ(publisher.under_way.size(), 2u);
  EXPECT_EQ(publisher.under_way[1].message.event_id, "e4");
}

TEST_F(PublishStepTest, WhoWaitsForATryHoldsNoTurn) {
  options.max_in_flight = 1;
  Make();
  Start("e1");
  Start("e2");
  publisher.Refuse(ErrorCode::kUpstreamError);
  ASSERT_EQ(publisher.under_way.size(), 1u);
  EXPECT_EQ(publisher.under_way[0].message.event_id, "e2");
}

TEST_F(PublishStepTest, OneThatIsDestroyedGivesItsTurnToTheNext) {
  options.max_in_flight = 1;
  Make();
  Start("e1");
  Start("e2");
  Start("e3");
  all[1].reset();
  all[0].reset();
  EXPECT_EQ(publisher.given_up, 1);
  Advance(1);
  ASSERT_EQ(publisher.under_way.size(), 1u);
  EXPECT_EQ(publisher.under_way[0].message.event_id, "e3");
}

TEST_F(PublishStepTest, TimedOutFromOutsideInEveryState) {
  options.max_in_flight = 1;
  Make();
  One& sending = Start("e1");
  One& in_line = Start("e2");
  step->TimeOut(*in_line.pending, "late");
  ASSERT_EQ(in_line.ends.size(), 1u);
  EXPECT_TRUE(in_line.failed.empty()) << "it was never tried";
  step->TimeOut(*sending.pending, "late");
  ASSERT_EQ(sending.ends.size(), 1u);
  EXPECT_EQ(sending.ends[0].error().code, ErrorCode::kTimeout);
  EXPECT_EQ(sending.ends[0].error().message, "late");
  EXPECT_EQ(sending.failed.size(), 1u) << "a try that is cut off is one that failed";
  EXPECT_EQ(publisher.given_up, 1);
  step->TimeOut(*sending.pending, "again");
  EXPECT_EQ(sending.ends.size(), 1u);

  One& waiting = Start("e3");
  publisher.Refuse(ErrorCode::kUpstreamError);
  step->TimeOut(*waiting.pending, "late");
  EXPECT_EQ(waiting.ends.size(), 1u);
  EXPECT_EQ(waiting.failed.size(), 1u);
  EXPECT_EQ(timers.size(), 0u);
}

TEST_F(PublishStepTest, WhenNothingMoreIsSentResultsStillCount) {
  options.max_in_flight = 2;
  Make();
  One& good = Start("e1");
  One& bad = Start("e2");
  Start("e3");
  step->SendNoMore();
  publisher.Take();
  publisher.Refuse(ErrorCode::kUpstreamError);
  EXPECT_TRUE(good.ends.at(0).ok());
  EXPECT_EQ(bad.ends.at(0).error().code, ErrorCode::kClosed);
  EXPECT_TRUE(publisher.under_way.empty()) << "the third is left to its owner";
  EXPECT_TRUE(all[2]->ends.empty());
}

// Whatever publishers do in whatever order: everyone ends once, and never more than the bound is under way.
TEST_F(PublishStepTest, AnyOrderOfResultsEndsEachOnce) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    all.clear();
    publisher.under_way.clear();
    options.max_in_flight = 1 + random() % 4;
    options.timeout_ms = 50 + static_cast<std::int64_t>(random() % 500);
    Make();
    int started = 0;
    for (int i = 0;
         i < 400 || std::any_of(all.begin(), all.end(), [](auto& one) { return one && one->ends.empty(); });
         ++i) {
      ASSERT_LT(i, 100'000);
      if (started < 60 && random() % 4 == 0) Start("e" + std::to_string(++started));
      if (!publisher.under_way.empty()) {
        switch (random() % 5) {
          case 0:
            publisher.Refuse(ErrorCode::kUpstreamError);
            break;
          case 1:
            publisher.Refuse(ErrorCode::kBadRequest);
            break;
          case 2:
            publisher.Take();
            break;
          default:
            break;
        }
      }
      if (random() % 60 == 0 && !all.empty()) {
        One& any = *all[random() % all.size()];
        step->TimeOut(*any.pending, "cut off");
      }
      ASSERT_LE(publisher.under_way.size(), options.max_in_flight);
      Advance(static_cast<std::int64_t>(random() % 200));
    }
    for (const auto& one : all) {
      ASSERT_EQ(one->ends.size(), 1u) << one->event.event_id;
      EXPECT_LE(one->pending->attempts(), 4);
    }
    EXPECT_EQ(timers.size(), 0u);
  }
}

}  // namespace
}  // namespace trunkline::test
