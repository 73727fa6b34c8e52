// The exchange: the order of its stages, its judgement, its ends.
#include "delivery/exchange.h"

#include "delivery/exchange_fixture.h"

namespace trunkline::test {
namespace {

using delivery::RateLimit;
using retry::BreakerOptions;

TEST_F(ExchangeTest, SendsAndSucceeds) {
  Make({.headers = {{"X-Key", "k"}}});
  const auto id = Start(Post());
  ASSERT_EQ(UnderWay(), 1u);
  EXPECT_TRUE(transport_.under_way[0].wire.starts_with("POST /v1/x HTTP/1.1\r\nHost: api.example.com\r\n"));
  EXPECT_EQ(transport_.under_way[0].Header("X-Key"), "k");
  EXPECT_EQ(transport_.under_way[0].Header("Authorization"), "");
  EXPECT_EQ(transport_.under_way[0].timeout_ms, 5000);
  Advance(30);
  transport_.Answer(204);
  ASSERT_TRUE(ResultOf(id).ok());
  EXPECT_EQ(ResultOf(id)->response.status, 204);
  EXPECT_EQ(ResultOf(id)->attempts, 1);
  EXPECT_EQ(ResultOf(id)->duration_ms, 30);
  EXPECT_EQ(counters_.calls, 1u);
  EXPECT_EQ(counters_.succeeded, 1u);
  EXPECT_EQ(timers_.size(), 0u);
}

TEST_F(ExchangeTest, RetriesWithBackoffAndEndsWithTheLastError) {
  Make();
  const auto id = Start(Get());
  for (const int wait_ms : {100, 200, 400}) {
    transport_.Answer(502);
    Advance(wait_ms - 1);
    EXPECT_EQ(UnderWay(), 0u);
    Advance(1);
    ASSERT_EQ(UnderWay(), 1u);
  }
  transport_.Answer(500);
  EXPECT_EQ(ErrorOf(id).code, ErrorCode::kUpstreamError);
  EXPECT_EQ(ErrorOf(id).status, 500);
  EXPECT_EQ(ErrorOf(id).attempts, 4);
  EXPECT_EQ(counters_.tries, 4u);
  EXPECT_EQ(counters_.failed, 1u);
  for (const auto& sent : transport_.ended) EXPECT_EQ(sent.wire, transport_.ended[0].wire);
  EXPECT_EQ(timers_.size(), 0u);
}

TEST_F(ExchangeTest, WhatIsNotRepeatableIsSentAgainOnlyWhereItWasNotProcessed) {
  Make();
  for (const int status : {429, 503}) {
    const auto id = Start(Post());
    transport_.Answer(status);
    Advance(100);
    ASSERT_EQ(UnderWay(), 1u) << status;
    transport_.Answer(200);
    EXPECT_EQ(ResultOf(id)->attempts, 2);
  }
  for (const int status : {500, 502, 504, 408}) {
    const auto id = Start(Post());
    transport_.Answer(status);
    EXPECT_EQ(ErrorOf(id).attempts, 1) << status;
  }
  for (const ErrorCode code :
       {ErrorCode::kConnectionFailed, ErrorCode::kTimeout, ErrorCode::kMalformedResponse}) {
    const auto lost = Start(Post());
    transport_.Fail(code);
    EXPECT_EQ(ErrorOf(lost).code, code);
  }
  const auto never_sent = Start(Post());
  transport_.Fail(Error{.code = ErrorCode::kConnectionFailed, .message = "refused", .nothing_sent = true});
  EXPECT_FALSE(Ended(never_sent));
  Advance(100);
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(never_sent).ok());
}

TEST_F(ExchangeTest, FinalAnswersEndTheTries) {
  Make();
  for (const int status : {301, 400, 401, 403, 404, 409, 422, 501}) {
    const auto id = Start(Get());
    transport_.Answer(status);
    EXPECT_EQ(ErrorOf(id).status, status);
    EXPECT_EQ(ErrorOf(id).code, CodeForStatus(status));
    EXPECT_EQ(ErrorOf(id).attempts, 1);
  }
  const auto tls = Start(Get());
  transport_.Fail(ErrorCode::kTlsFailed);
  EXPECT_EQ(ErrorOf(tls).code, ErrorCode::kTlsFailed);
}

TEST_F(ExchangeTest, HonoursRetryAfterUpToItsLimit) {
  Make();
  const auto waits = Start(Post());
  transport_.Answer(503, {{"retry-after", "3"}});
  Advance(2999);
  EXPECT_EQ(UnderWay(), 0u);
  Advance(1);
  ASSERT_EQ(UnderWay(), 1u);
  transport_.Answer(200);
  EXPECT_EQ(ResultOf(waits)->attempts, 2);

  const auto too_long = Start(Get());
  transport_.Answer(429, {{"retry-after", "61"}});
  EXPECT_EQ(ErrorOf(too_long).code, ErrorCode::kRateLimited);
  EXPECT_EQ(ErrorOf(too_long).retry_after_ms, 61'000);

  delivery::Call hurried = Get();
  hurried.deadline_ms = 3000;
  const auto past_deadline = Start(hurried);
  transport_.Answer(503, {{"retry-after", "3"}});
  EXPECT_EQ(ErrorOf(past_deadline).retry_after_ms, 3000);
  EXPECT_EQ(timers_.size(), 0u);
}

TEST_F(ExchangeTest, ADeadlineEndsACallAtEveryStage) {
  Make({.credential = AnyCredential(), .rate_limit = RateLimit{.requests = 1, .per_ms = 1'000'000}});
  delivery::Call call = Get();
  call.deadline_ms = 50;
  const auto at_token = Start(call);
  const auto at_limit = Start(call);
  Advance(49);
  EXPECT_FALSE(Ended(at_token) || Ended(at_limit));
  Advance(1);
  EXPECT_EQ(ErrorOf(at_token).code, ErrorCode::kTimeout);
  EXPECT_EQ(ErrorOf(at_limit).code, ErrorCode::kTimeout);
  endpoint_.Answer(503);  // to nobody
  Advance(10'000);
  EXPECT_EQ(endpoint_.posts, 1) << "no token is fetched any more";
  EXPECT_EQ(UnderWay(), 0u);

  Make();
  const auto sending = Start(call);
  EXPECT_EQ(transport_.under_way[0].timeout_ms, 50);
  Advance(50);
  EXPECT_EQ(ErrorOf(sending).code, ErrorCode::kTimeout);
  EXPECT_EQ(ErrorOf(sending).attempts, 1);
  EXPECT_EQ(transport_.cancelled, 1);
  EXPECT_EQ(UnderWay(), 0u);

  const auto waits_too_long = Start(call);
  transport_.Answer(503);
  EXPECT_EQ(ErrorOf(waits_too_long).status, 503);  // at once: the wait of 100 ms would outlast it
  EXPECT_EQ(timers_.size(), 0u);
}

TEST_F(ExchangeTest, AnAbortEndsACallAtEveryStageAndLeavesNothing) {
  Make({.credential = AnyCredential(), .rate_limit = RateLimit{.requests = 3, .per_ms = 3000}});
  const auto at_token = Start(Get());
  Abort(at_token);
  EXPECT_EQ(ErrorOf(at_token).code, ErrorCode::kAborted);
  EXPECT_EQ(ErrorOf(at_token).attempts, 0);
  endpoint_.Grant("t1");
  EXPECT_EQ(UnderWay(), 0u);

  const auto sending = Start(Get());
  Abort(sending);
  EXPECT_EQ(ErrorOf(sending).attempts, 1);
  EXPECT_EQ(transport_.cancelled, 1);

  const auto waiting = Start(Get());
  transport_.Answer(503);
  Abort(waiting);
  EXPECT_EQ(ErrorOf(waiting).code, ErrorCode::kAborted);

  const auto at_limit = Start(Get());
  const auto behind = Start(Get());
  Abort(at_limit);
  EXPECT_EQ(ErrorOf(at_limit).attempts, 0);
  Advance(1000);
  ASSERT_EQ(UnderWay(), 1u) << "the aborted call took no turn";
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(behind).ok());

  Abort(behind);  // has ended
  Advance(10'000);
  EXPECT_EQ(UnderWay(), 0u);
  EXPECT_EQ(timers_.size(), 0u);
}

TEST_F(ExchangeTest, RefusesWhatItCannotSendAndWhatIsTooMany) {
  Make({.max_pending = 2});
  delivery::Call evil = Get("/a\r\nX: 1");
  EXPECT_EQ(ErrorOf(Start(evil)).code, ErrorCode::kConfigInvalid);
  Start(Get());
  Start(Get());
  EXPECT_EQ(ErrorOf(Start(Get())).code, ErrorCode::kQueueFull);
  transport_.Answer(200);
  Start(Get());
  EXPECT_EQ(UnderWay(), 2u);
}

TEST_F(ExchangeTest, DestroyedWithWorkUnderWayItCallsNobodyBack) {
  Make({.credential = AnyCredential(), .rate_limit = RateLimit{.requests = 3, .per_ms = 3000}});
  delivery::Call call = Get();
  call.deadline_ms = 100'000;
  Start(call);
  endpoint_.Grant("t1");
  Start(call);
  transport_.Answer(503);  // one waits for its next try, one is sent, and those behind wait for their turn
  for (int i = 0; i < 5; ++i) Start(call);
  DestroyExchange();
  EXPECT_EQ(UnderWay(), 0u);
  Advance(10'000);
  EXPECT_TRUE(ended_.empty());
  EXPECT_EQ(timers_.size(), 0u);

  Make({.credential = {{.token_url = "https://other/", .client_id = "id", .client_secret = "s"}}});
  Start(call);
  ASSERT_EQ(endpoint_.asked.size(), 1u);
  DestroyExchange();
  endpoint_.Grant("late");
  EXPECT_TRUE(ended_.empty());
}

TEST_F(ExchangeTest, ACallbackMayStartAndAbortOthers) {
  Make({.rate_limit = RateLimit{.requests = 1, .per_ms = 10}});
  const auto victim_holder = std::make_shared<std::uint64_t>(0);
  Start(Get(), [this, victim_holder] {
    Abort(*victim_holder);
    Start(Get("/next"));
  });
  *victim_holder = Start(Get("/victim"));
  transport_.Answer(200);
  EXPECT_EQ(ErrorOf(*victim_holder).code, ErrorCode::kAborted);
  Advance(10);
  ASSERT_EQ(UnderWay(), 1u);
  EXPECT_TRUE(transport_.under_way[0].wire.starts_with("GET /v1/next "));
}

}  // namespace
}  // namespace trunkline::test
