// What an exchange does with tokens: fetched, renewed, refused, asked for on their own, and kept out of what
// is told.
#include "delivery/exchange.h"
#include "delivery/exchange_fixture.h"

namespace trunkline::test {
namespace {

using delivery::RateLimit;
using retry::BreakerOptions;

TEST_F(ExchangeTest, A401RenewsTheTokenOnceUncounted) {
  Make({.credential = AnyCredential()});
  delivery::Call once = Post();
  once.retry = Shared(Plain(1));
  const auto id = Start(once);
  endpoint_.Grant("t1");
  transport_.Answer(401);
  ASSERT_EQ(endpoint_.posts, 2);
  endpoint_.Grant("t2");
  ASSERT_EQ(UnderWay(), 1u);
  EXPECT_EQ(transport_.under_way[0].Header("Authorization"), "Bearer t2");
  transport_.Answer(200);
  EXPECT_EQ(ResultOf(id)->attempts, 1);

  Advance(2000);
  const auto refused = Start(Get());
  transport_.Answer(401);
  Advance(2000);
  endpoint_.Grant("t3");
  transport_.Answer(401);
  EXPECT_EQ(ErrorOf(refused).code, ErrorCode::kAuthenticationFailed);
  EXPECT_EQ(ErrorOf(refused).attempts, 1);
  EXPECT_EQ(UnderWay(), 0u);
}

TEST_F(ExchangeTest, ATokenThatCannotBeHadEndsTheCall) {
  Make({.credential = AnyCredential(),
        .breaker = BreakerOptions{.failures = 1, .window_ms = 1000, .open_ms = 1000}});
  const auto one = Start(Get());
  const auto two = Start(Get());
  endpoint_.Answer(401, R"({"error":"invalid_client"})");
  EXPECT_EQ(ErrorOf(one).code, ErrorCode::kAuthenticationFailed);
  EXPECT_EQ(ErrorOf(two).code, ErrorCode::kAuthenticationFailed);
  EXPECT_EQ(endpoint_.posts, 1);
  EXPECT_TRUE(transport_.ended.empty());
  // No verdict on the platform: the breaker is closed.
  Advance(1000);
  const auto later = Start(Get());
  endpoint_.Grant("t1");
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(later).ok());
}

TEST_F(ExchangeTest, AskedForATokenOnlyItSendsNothing) {
  Make({.credential = AnyCredential(),
        .rate_limit = RateLimit{.requests = 1, .per_ms = 1'000'000},
        .max_in_flight = 0});
  delivery::Call only_token{.deadline_ms = 50, .only_token = true};
  const auto granted = Start(only_token);
  endpoint_.Grant("t1");
  EXPECT_TRUE(ResultOf(granted).ok());
  const auto at_hand = Start(only_token);
  EXPECT_TRUE(ResultOf(at_hand).ok());
  EXPECT_EQ(endpoint_.posts, 1);
  EXPECT_EQ(counters_.tries, 0u);

  Make({.credential = AnyCredential()});
  tokens_.Drop(AnyCredential(), "t1");
  const auto refused = Start(only_token);
  endpoint_.Answer(401, R"({"error":"invalid_client"})");
  EXPECT_EQ(ErrorOf(refused).code, ErrorCode::kAuthenticationFailed);
  Advance(2000);
  const auto late = Start(only_token);
  Advance(50);
  EXPECT_EQ(ErrorOf(late).code, ErrorCode::kTimeout);
  EXPECT_EQ(UnderWay(), 0u);

  Make();
  EXPECT_TRUE(ResultOf(Start(only_token)).ok()) << "there is no credential to be refused";
}

TEST_F(ExchangeTest, WhatThePlatformSaysIsKeptWithoutTheToken) {
  Make({.credential = AnyCredential()});
  const auto refused = Start(Get());
  endpoint_.Grant("secret-token");
  transport_.Answer(400, {{"x-said", "secret-token may not; secret-token"}});
  EXPECT_EQ(ErrorOf(refused).answer->header_lines, "x-said: [redacted] may not; [redacted]\n");
}

}  // namespace
}  // namespace trunkline::test
