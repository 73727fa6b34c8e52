// The token cache when things go wrong: retries, remembered errors, missing scopes, tokens that a platform
// refuses.
#include <gtest/gtest.h>

#include <string>

#include "oauth/token_cache.h"
#include "token_cache_fixture.h"

namespace trunkline::oauth {
namespace {

using TokenCacheErrorsTest = TokenCacheTest;

// ---- retries and errors ----

TEST_F(TokenCacheErrorsTest, FailuresThatMayPassAreTriedAgainAsThePolicySays) {
  Answer& answer = Get();
  endpoint.Refuse(503);
  Pass(999);
  EXPECT_EQ(endpoint.posts, 1);
  Pass(1);
  EXPECT_EQ(endpoint.posts, 2);
  endpoint.Answer(Error{ErrorCode::kConnectionFailed, "refused"});
  Pass(2000);
  EXPECT_EQ(endpoint.posts, 3);
  endpoint.Answer(TokenReply{.status = 200, .body = "<html>"});
  Pass(4000);
  EXPECT_EQ(endpoint.posts, 4);
  Answer& late = Get();
  EXPECT_EQ(endpoint.posts, 4) << "joins";
  EXPECT_EQ(answer.text, "(waiting)");
  endpoint.Grant("t-1");
  EXPECT_EQ(answer.text, "t-1");
  EXPECT_EQ(late.text, "t-1");
}

TEST_F(TokenCacheErrorsTest, ExhaustedTriesEndInTheLastErrorWhichIsNotRemembered) {
  Answer& answer = Get();
  ExhaustTries(503);
  EXPECT_EQ(answer.text, "UPSTREAM_ERROR");
  EXPECT_EQ(answer.error.attempts, 4);
  EXPECT_EQ(answer.error.status, 503);
  EXPECT_EQ(endpoint.posts, 4);
  Answer& next = Get();
  EXPECT_EQ(endpoint.posts, 5);
  ExhaustTries(503);
  EXPECT_EQ(next.error.attempts, 4) << "counted anew";
  EXPECT_EQ(endpoint.posts, 8);
}

TEST_F(TokenCacheErrorsTest, ANetworkErrorSaysWhatWasTried) {
  Rebuild({.attempts = 1});
  Answer& answer = Get();
  endpoint.Answer(Error{ErrorCode::kDnsFailed, "no such host"});
  EXPECT_EQ(answer.text, "DNS_FAILED");
  EXPECT_EQ(answer.error.message, "Fetching a token: no such host");
}

TEST_F(TokenCacheErrorsTest, RetryAfterIsHonoured) {
  Get();
  endpoint.Refuse(429, 30'000);
  Pass(29'999);
  EXPECT_EQ(endpoint.posts, 1);
  Pass(1);
  EXPECT_EQ(endpoint.posts, 2);
}

TEST_F(TokenCacheErrorsTest, ARetryAfterBeyondThePolicyAnswersEveryoneForAsLongAsThePolicyAllows) {
  Answer& answer = Get();
  endpoint.Refuse(429, kHour);
  EXPECT_EQ(answer.text, "RATE_LIMITED");
  EXPECT_EQ(answer.error.retry_after_ms, kHour);
  Pass(10'000);
  Answer& later = Get();
  EXPECT_EQ(later.text, "RATE_LIMITED");
  EXPECT_EQ(later.error.retry_after_ms, 50'000) << "what is left";
  Pass(50'000);
  EXPECT_EQ(Got(), "(waiting)");
  EXPECT_EQ(endpoint.posts, 2);
}

TEST_F(TokenCacheErrorsTest, AWrongSecretDoesNotHammerTheServer) {
  Get();
  endpoint.Refuse(401);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(Got(), "AUTHENTICATION_FAILED");
  Pass(TokenCache::kErrorRestMs - 1);
  EXPECT_EQ(Got(), "AUTHENTICATION_FAILED");
  EXPECT_EQ(endpoint.posts, 1);
  Pass(1);
  EXPECT_EQ(Got(), "(waiting)");
  EXPECT_EQ(endpoint.posts, 2);
  endpoint.Grant("t-1");
  EXPECT_EQ(Got(), "t-1");
}

TEST_F(TokenCacheErrorsTest, AnotherCredentialIsNotHeldUpByAWrongOne) {
  Get();
  endpoint.Refuse(401);
  Answer& other = Get(Client("other"));
  endpoint.Grant("t-1");
  EXPECT_EQ(other.text, "t-1");
}

// ---- scopes ----

TEST_F(TokenCacheErrorsTest, AMissingScopeIsNamedToWhomItMatters) {
  Credential needs = Client();
  needs.required_scopes = {"read", "write"};
  Answer& plain = Get();
  Answer& picky = Get(needs);
  EXPECT_EQ(endpoint.posts, 1) << "one token for both";
  endpoint.Grant("t-1", 3600, R"(,"scope":"read")");
  EXPECT_EQ(plain.text, "t-1");
  EXPECT_EQ(picky.text, "SCOPE_MISSING");
  EXPECT_EQ(picky.error.message, "The token was granted without the scope write");
  EXPECT_EQ(Got(), "t-1");
  EXPECT_EQ(Got(needs), "SCOPE_MISSING");
}

TEST_F(TokenCacheErrorsTest, AScopeThatIsGrantedLaterIsFoundWithoutARestart) {
  Credential needs = Client();
  needs.required_scopes = {"write"};
  Get(needs);
  endpoint.Grant("t-1", 3600, R"(,"scope":"read")");
  Pass(TokenCache::kErrorRestMs - 1);
  EXPECT_EQ(Got(needs), "SCOPE_MISSING");
  EXPECT_EQ(endpoint.posts, 1);
  Pass(1);
  Answer& answer = Get(needs);
  EXPECT_EQ(answer.text, "(waiting)");
  EXPECT_EQ(Got(), "t-1") << "the others have what they need";
  endpoint.Grant("t-2", 3600, R"(,"scope":"read write")");
  EXPECT_EQ(answer.text, "t-2");
  EXPECT_EQ(endpoint.posts, 2);
}

TEST_F(TokenCacheErrorsTest, WithoutAScopeInTheAnswerWhatWasAskedCounts) {
  Credential needs = Client();
  needs.scope = "read write";
  needs.required_scopes = {"write"};
  Answer& answer = Get(needs);
  endpoint.Grant("t-1");
  EXPECT_EQ(answer.text, "t-1");
}

// ---- dropping ----

TEST_F(TokenCacheErrorsTest, ADroppedTokenIsFetchedAnew) {
  Hold("t-1");
  cache->Drop(Client(), "t-1");
  EXPECT_EQ(endpoint.posts, 1) << "only once someone asks";
  Answer& answer = Get();
  EXPECT_EQ(endpoint.posts, 2);
  endpoint.Grant("t-2");
  EXPECT_EQ(answer.text, "t-2");
}

TEST_F(TokenCacheErrorsTest, TwoCallsThatFailedWithOneTokenFetchOnce) {
  Hold("t-1");
  cache->Drop(Client(), "t-1");
  Answer& first = Get();
  cache->Drop(Client(), "t-1");
  Answer& second = Get();
  EXPECT_EQ(endpoint.posts, 2);
  endpoint.Grant("t-2");
  EXPECT_EQ(first.text, "t-2");
  EXPECT_EQ(second.text, "t-2");
  cache->Drop(Client(), "t-1");  // the news of a third call, late
  EXPECT_EQ(Got(), "t-2");
  EXPECT_EQ(endpoint.posts, 2);
}

TEST_F(TokenCacheErrorsTest, OnlyTheTokenOfThatCredentialIsDropped) {
  Hold("t-1");
  cache->Drop(Client("other"), "t-1");
  cache->Drop(Client(), "");
  cache->Drop(Client(), "t-10");
  EXPECT_EQ(Got(), "t-1");
}

TEST_F(TokenCacheErrorsTest, ATokenDroppedWhileItIsRefreshedWaitsForTheRefresh) {
  Hold("t-1", 3600);
  Pass(kHour - 300'000);
  Got();
  cache->Drop(Client(), "t-1");
  Answer& answer = Get();
  EXPECT_EQ(answer.text, "(waiting)");
  EXPECT_EQ(endpoint.posts, 2);
  endpoint.Grant("t-2");
  EXPECT_EQ(answer.text, "t-2");
}

TEST_F(TokenCacheErrorsTest, APlatformThatRefusesEveryTokenCostsOneFetchASecond) {
  Hold("t-0");
  int granted = 1;
  for (int ms = 0; ms < 10'000; ms += 10) {  // a call each: it asks, is refused, drops
    Answer& answer = Get();
    if (!endpoint.open.empty()) endpoint.Grant("t-" + std::to_string(granted++));
    if (answer.times == 1) cache->Drop(Client(), answer.text);
    Pass(10);
  }
  EXPECT_GE(granted, 10);
  EXPECT_LE(granted, 12);
}

TEST_F(TokenCacheErrorsTest, ASecondDropShortlyAfterWaitsOutItsSecond) {
  Hold("t-1");
  cache->Drop(Client(), "t-1");
  Get();
  endpoint.Grant("t-2");
  Pass(100);
  cache->Drop(Client(), "t-2");
  Answer& answer = Get();
  Get();
  EXPECT_EQ(endpoint.posts, 2);
  Pass(899);
  EXPECT_EQ(endpoint.posts, 2);
  Pass(1);
  EXPECT_EQ(endpoint.posts, 3);
  endpoint.Grant("t-3");
  EXPECT_EQ(answer.text, "t-3");
}

class TokenCacheWaysTest : public TokenCacheTest {
 protected:
  Answer& GetBy(const std::shared_ptr<FakeEndpoint>& by) {
    Answer& answer = answers.emplace_back();
    cache->Get(Client(), by, Into(answer));
    return answer;
  }
  const std::shared_ptr<FakeEndpoint> other = std::make_shared<FakeEndpoint>();
};

TEST_F(TokenCacheWaysTest, WhatTheServerSaidAnswersForEveryWay) {
  const Answer& first = GetBy(way);
  const Answer& second = GetBy(other);
  endpoint.Refuse(401);
  EXPECT_EQ(first.text, "AUTHENTICATION_FAILED");
  EXPECT_EQ(second.text, "AUTHENTICATION_FAILED");
  EXPECT_EQ(GetBy(other).text, "AUTHENTICATION_FAILED");
  EXPECT_EQ(other->posts, 0);
}

TEST_F(TokenCacheWaysTest, AnErrorOfOneWayIsNotTheOthers) {
  const Answer& first = GetBy(way);
  const Answer& second = GetBy(other);
  const Answer& third = GetBy(way);
  endpoint.Answer(Error{ErrorCode::kTlsFailed, "unknown CA"});
  EXPECT_EQ(first.text, "TLS_FAILED");
  EXPECT_EQ(third.text, "TLS_FAILED");
  EXPECT_EQ(second.text, "(waiting)");
  EXPECT_EQ(GetBy(way).text, "TLS_FAILED") << "for a moment, without asking";
  ASSERT_EQ(other->posts, 1);
  other->Grant("t-1");
  EXPECT_EQ(second.text, "t-1");
  EXPECT_EQ(GetBy(way).text, "t-1") << "a token is a token, whoever fetched it";
  EXPECT_EQ(endpoint.posts, 1);
}

TEST_F(TokenCacheWaysTest, ARememberedErrorOfOneWayDoesNotKeepTheOtherFromAsking) {
  GetBy(way);
  endpoint.Answer(Error{ErrorCode::kTlsFailed, "unknown CA"});
  const Answer& second = GetBy(other);
  ASSERT_EQ(other->posts, 1);
  other->Answer(Error{ErrorCode::kTlsFailed, "expired"});
  EXPECT_EQ(second.text, "TLS_FAILED");
}

TEST_F(TokenCacheWaysTest, AWayIsHeldOnlyWhileItIsUsed) {
  auto mine = std::make_shared<FakeEndpoint>();
  const std::weak_ptr<FakeEndpoint> seen = mine;
  const Answer& waiting = GetBy(mine);
  mine.reset();
  ASSERT_FALSE(seen.expired());
  seen.lock()->Grant("t-1");
  EXPECT_EQ(waiting.text, "t-1");
  EXPECT_TRUE(seen.expired());
}

}  // namespace
}  // namespace trunkline::oauth
