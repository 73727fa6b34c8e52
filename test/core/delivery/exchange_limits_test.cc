// The exchange's rate limit and circuit breaker: whose turn it is, what counts, who is refused.
#include "delivery/exchange_fixture.h"

namespace trunkline::test {
namespace {

using delivery::RateLimit;
using retry::BreakerOptions;

TEST_F(ExchangeTest, LimitComesBeforeTokenAndTokenBeforeSending) {
  Make({.credential = AnyCredential(), .rate_limit = RateLimit{.requests = 1, .per_ms = 1000}});
  const auto first = Start(Get());
  EXPECT_EQ(endpoint_.posts, 1);
  EXPECT_EQ(UnderWay(), 0u);
  const auto second = Start(Get());
  endpoint_.Grant("t1");
  ASSERT_EQ(UnderWay(), 1u);  // the second waits for its turn, though the token is there
  EXPECT_EQ(transport_.under_way[0].Header("Authorization"), "Bearer t1");
  transport_.Answer(200);
  Advance(999);
  EXPECT_EQ(UnderWay(), 0u);
  Advance(1);
  ASSERT_EQ(UnderWay(), 1u);
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(first).ok() && ResultOf(second).ok());
  EXPECT_EQ(endpoint_.posts, 1);
}

TEST_F(ExchangeTest, TheRateQueueIsFirstComeFirstServed) {
  Make({.rate_limit = RateLimit{.requests = 2, .per_ms = 100}});
  for (int i = 0; i < 10; ++i) Start(Get("/" + std::to_string(i)));
  EXPECT_EQ(UnderWay(), 2u);
  Advance(400);
  ASSERT_EQ(UnderWay(), 10u);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(transport_.under_way[static_cast<std::size_t>(i)].wire.starts_with("GET /v1/" +
                                                                                   std::to_string(i) + " "));
  }
}

TEST_F(ExchangeTest, A429PausesEveryone) {
  Make({.rate_limit = RateLimit{.requests = 100, .per_ms = 100}});
  delivery::Call once = Get();
  once.retry = Shared(Plain(1));
  const auto limited = Start(once);
  transport_.Answer(429, {{"retry-after", "5"}});
  EXPECT_EQ(ErrorOf(limited).retry_after_ms, 5000);
  for (int i = 0; i < 5; ++i) Start(Get());
  Advance(4999);
  EXPECT_EQ(UnderWay(), 0u);
  Advance(10);
  EXPECT_EQ(UnderWay(), 5u);
}

TEST_F(ExchangeTest, TheBreakerOpensProbesAndCloses) {
  Make({.breaker = BreakerOptions{.failures = 2, .window_ms = 1000, .open_ms = 500}});
  delivery::Call once = Get();
  once.retry = Shared(Plain(1));
  Start(once);
  transport_.Answer(500);
  Start(once);
  transport_.Fail(ErrorCode::kConnectionFailed);
  const auto refused = Start(once);
  EXPECT_EQ(ErrorOf(refused).code, ErrorCode::kCircuitOpen);
  EXPECT_EQ(ErrorOf(refused).retry_after_ms, 500);
  EXPECT_EQ(UnderWay(), 0u);

  Advance(500);
  const auto probe = Start(once);
  ASSERT_EQ(UnderWay(), 1u);
  EXPECT_EQ(ErrorOf(Start(once)).code, ErrorCode::kCircuitOpen) << "one probe at a time";
  Abort(probe);  // no verdict: the next is the probe
  const auto next_probe = Start(once);
  ASSERT_EQ(UnderWay(), 1u);
  transport_.Answer(404);  // the platform answers: it is well
  EXPECT_EQ(ErrorOf(next_probe).code, ErrorCode::kNotFound);
  for (int i = 0; i < 3; ++i) Start(once);
  EXPECT_EQ(UnderWay(), 3u);
}

TEST_F(ExchangeTest, CallsThatWaitForTheBreakerGoOnInTheirOrderWhenItCloses) {
  Make({.breaker = BreakerOptions{.failures = 1, .window_ms = 1000, .open_ms = 500}});
  delivery::Call patient = Get("/1");
  patient.waits_for_breaker = true;
  Start(patient);
  transport_.Answer(500);
  for (const char* target : {"/2", "/3"}) {
    patient.request.target = target;
    Start(patient);
  }
  EXPECT_EQ(ErrorOf(Start(Get())).code, ErrorCode::kCircuitOpen) << "who does not wait is told";
  Advance(100);  // the second try of the first, behind the others
  EXPECT_EQ(UnderWay(), 0u);
  Advance(399);
  EXPECT_EQ(UnderWay(), 0u);
  Advance(1);
  ASSERT_EQ(UnderWay(), 1u) << "one probe";
  EXPECT_TRUE(transport_.under_way[0].wire.starts_with("GET /v1/2 "));
  Advance(400);
  EXPECT_EQ(UnderWay(), 1u);
  transport_.Answer(200);
  Advance(1);
  ASSERT_EQ(UnderWay(), 2u) << "at once, not when another half second is over";
  EXPECT_TRUE(transport_.under_way[0].wire.starts_with("GET /v1/3 "));
  EXPECT_TRUE(transport_.under_way[1].wire.starts_with("GET /v1/1 "));
  transport_.Answer(200);
  transport_.Answer(200);
  EXPECT_EQ(ResultOf(1)->attempts, 2) << "the waiting was no try";
}

TEST_F(ExchangeTest, AProbeThatFailsKeepsTheOthersWaiting) {
  Make({.breaker = BreakerOptions{.failures = 1, .window_ms = 1000, .open_ms = 500}});
  delivery::Call patient = Get();
  patient.waits_for_breaker = true;
  patient.retry = Shared(Plain(1));
  Start(patient);
  transport_.Answer(500);
  const auto second = Start(patient);
  const auto third = Start(patient);
  Advance(500);
  ASSERT_EQ(UnderWay(), 1u);
  transport_.Answer(500);
  EXPECT_EQ(ErrorOf(second).code, ErrorCode::kUpstreamError);
  Advance(499);
  EXPECT_EQ(UnderWay(), 0u);
  Advance(1);
  ASSERT_EQ(UnderWay(), 1u);
  Abort(third);  // a probe without a verdict: the next is one
  const auto fourth = Start(patient);
  ASSERT_EQ(UnderWay(), 1u);
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(fourth).ok());
}

TEST_F(ExchangeTest, WhoWaitsForTheBreakerCanBeEndedAndDestroyed) {
  Make({.breaker = BreakerOptions{.failures = 1, .window_ms = 1000, .open_ms = 500}});
  delivery::Call patient = Get();
  patient.waits_for_breaker = true;
  patient.retry = Shared(Plain(1));
  Start(patient);
  transport_.Answer(500);
  const auto aborted = Start(patient);
  const auto timed_out = Start(patient);
  const auto destroyed = Start(patient);
  Abort(aborted);
  exchange_->TimeOut(*calls_.at(timed_out), "late");
  calls_.erase(destroyed);
  EXPECT_EQ(ErrorOf(aborted).code, ErrorCode::kAborted);
  EXPECT_EQ(ErrorOf(timed_out).message, "late");
  Advance(1000);
  EXPECT_EQ(UnderWay(), 0u);
  EXPECT_EQ(timers_.size(), 0u);
}

TEST_F(ExchangeTest, TheStatusesThatCountForTheBreaker) {
  for (const int status : {301, 400, 401, 404, 408, 409, 429, 500, 501, 503, 504}) {
    Make({.breaker = BreakerOptions{.failures = 1, .window_ms = 1000, .open_ms = 500}});
    delivery::Call once = Get();
    once.retry = Shared(Plain(1));
    Start(once);
    transport_.Answer(status);
    const bool failed = status >= 500 || status == 408;
    Start(once);
    EXPECT_EQ(UnderWay(), failed ? 0u : 1u) << status;
  }
}

TEST_F(ExchangeTest, AnAnswerThatOutlastsTheDeadlineCountsForTheBreaker) {
  Make({.breaker = BreakerOptions{.failures = 2, .window_ms = 10'000, .open_ms = 10'000}});
  delivery::Call call = Get();
  call.deadline_ms = 50;
  Start(call);
  Start(call);
  Advance(50);
  EXPECT_EQ(ErrorOf(1).code, ErrorCode::kTimeout);
  EXPECT_EQ(ErrorOf(Start(call)).code, ErrorCode::kCircuitOpen);
}

TEST_F(ExchangeTest, TheTryAfterARenewedTokenTakesItsTurnToo) {
  Make({.credential = AnyCredential(), .rate_limit = RateLimit{.requests = 1, .per_ms = 1000}});
  const auto id = Start(Get());
  endpoint_.Grant("t1");
  transport_.Answer(401);
  EXPECT_EQ(endpoint_.posts, 1);
  Advance(1000);
  endpoint_.Grant("t2");
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(id).ok());
}

TEST_F(ExchangeTest, AbortedCallsDoNotPileUpBeforeTheLimit) {
  Make({.rate_limit = RateLimit{.requests = 1, .per_ms = 100'000}});
  Start(Get());
  for (int i = 0; i < 1000; ++i) Abort(Start(Get()));
  const auto last = Start(Get());
  transport_.Answer(200);
  Advance(100'000);
  ASSERT_EQ(UnderWay(), 1u);
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(last).ok());
}

TEST_F(ExchangeTest, TheBreakerEndsACallBetweenItsTries) {
  Make({.breaker = BreakerOptions{.failures = 2, .window_ms = 10'000, .open_ms = 10'000}});
  const auto id = Start(Get());
  transport_.Answer(503);
  Advance(100);
  transport_.Answer(503);
  Advance(200);
  EXPECT_EQ(ErrorOf(id).code, ErrorCode::kCircuitOpen);
  EXPECT_EQ(ErrorOf(id).attempts, 2);
}

}  // namespace
}  // namespace trunkline::test
