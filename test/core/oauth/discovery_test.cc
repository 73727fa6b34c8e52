// Discovery: what a configuration has to say, asked for once for everyone, kept for a day, and never believed
// about another issuer.
#include "oauth/discovery.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>

#include "fake_issuers.h"
#include "support/manual_clock.h"

namespace trunkline::oauth {
namespace {

const std::string kIssuer = "https://login.example";
const std::string kTokenUrl = "https://login.example/auth/token";

std::string Parsed(const std::string& body, int status = 200, const std::string& issuer = kIssuer) {
  const auto parsed = ParseConfiguration({.status = status, .body = body}, issuer);
  return parsed ? *parsed : std::string(Describe(parsed.error().code).name);
}

TEST(ParseConfiguration, NamesTheTokenEndpoint) {
  EXPECT_EQ(
      Parsed(R"({"issuer":"https://login.example","token_endpoint":"https:\/\/t.example\/token","x":{}})"),
      "https://t.example/token");
}

TEST(ParseConfiguration, AnotherIssuerIsNotBelieved) {
  for (const char* issuer : {R"("https://evil.example")", R"("https://login.example/tenant")",
                             R"("HTTPS://login.example")", R"("")", "null", "7"}) {
    EXPECT_EQ(Parsed(R"({"token_endpoint":"https://t.example","issuer":)" + std::string(issuer) + "}"),
              "CONFIG_INVALID")
        << issuer;
  }
  EXPECT_EQ(Parsed(R"({"token_endpoint":"https://t.example"})"), "CONFIG_INVALID");
}

TEST(ParseConfiguration, ASlashAtTheEndIsNoOtherIssuer) {
  const std::string body = R"({"issuer":"https://login.example/","token_endpoint":"https://t.example"})";
  EXPECT_EQ(Parsed(body), "https://t.example");
  EXPECT_EQ(Parsed(body, 200, "https://login.example/"), "https://t.example");
}

TEST(ParseConfiguration, WhatIsOfNoUseIsMalformed) {
  const std::string start = R"({"issuer":"https://login.example","token_endpoint":)";
  for (const std::string& body :
       {std::string(), std::string("<html>"), std::string("[]"), start, start + "7}", start + R"(""})",
        start + "null}", start + '"' + std::string(kMaxTokenUrlBytes + 1, 'x') + "\"}",
        std::string(R"({"issuer":"https://login.example"})")}) {
    EXPECT_EQ(Parsed(body), "MALFORMED_RESPONSE") << body.substr(0, 80);
  }
}

TEST(ParseConfiguration, AStatusIsItsCode) {
  EXPECT_EQ(Parsed("{}", 404), "NOT_FOUND");
  EXPECT_EQ(Parsed("{}", 302), "UNEXPECTED_STATUS");
  EXPECT_EQ(Parsed("{}", 429), "RATE_LIMITED");
  EXPECT_EQ(Parsed("{}", 503), "UPSTREAM_ERROR");
  const auto waits = ParseConfiguration({.status = 503, .body = {}, .retry_after_ms = 7000}, kIssuer);
  EXPECT_EQ(waits.error().retry_after_ms, 7000);
  EXPECT_EQ(waits.error().status, 503);
}

class DiscoveryTest : public testing::Test {
 protected:
  struct Answer {
    std::string text = "(waiting)";
    std::string message{};
    int times = 0;
  };
  Answer& Post() {
    Answer& answer = answers.emplace_back();
    endpoint->Post({}, [&answer](Result<TokenReply> reply) {
      ++answer.times;
      answer.text = reply ? reply->body : std::string(Describe(reply.error().code).name);
      if (!reply) answer.message = reply.error().message;
    });
    return answer;
  }
  // What was posted to a token URL is answered, in order, with its body.
  int Serve(const std::string& token_url) {
    int served = 0;
    for (auto& posts = issuer.posts[token_url]; !posts.empty(); ++served) {
      const auto callback = std::move(posts.front());
      posts.pop_front();
      callback(TokenReply{.status = 200, .body = token_url});
    }
    return served;
  }
  void RunLater() {
    for (; !issuer.later.empty(); issuer.later.pop_front()) issuer.later.front()();
  }

  test::ManualClock clock;
  FakeIssuer issuer;
  std::deque<Answer> answers;  // keeps addresses
  std::unique_ptr<DiscoveredEndpoint> endpoint =
      std::make_unique<DiscoveredEndpoint>(clock, kIssuer, std::make_unique<FakeIssuerWay>(issuer));
};

TEST_F(DiscoveryTest, OneRequestServesAllWhoWait) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Post().times, 0) << "never inside the call";
  EXPECT_EQ(issuer.gets, 1);
  issuer.Name(kTokenUrl);
  EXPECT_EQ(Serve(kTokenUrl), 100);
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.text, kTokenUrl);
    EXPECT_EQ(answer.times, 1);
  }
  Post();
  EXPECT_EQ(Serve(kTokenUrl), 1) << "known by now";
  EXPECT_EQ(issuer.gets, 1);
}

TEST_F(DiscoveryTest, ItHoldsForADayByEitherClock) {
  Post();
  issuer.Name(kTokenUrl);
  clock.Advance(DiscoveredEndpoint::kLifetimeMs - 1);
  Post();
  EXPECT_EQ(issuer.gets, 1);
  clock.Advance(1);
  Post();
  EXPECT_EQ(issuer.gets, 2);
  issuer.Name("https://new.example/token");
  EXPECT_EQ(Serve("https://new.example/token"), 1);
  clock.wall_ms += DiscoveredEndpoint::kLifetimeMs;  // as after a thaw
  Post();
  EXPECT_EQ(issuer.gets, 3);
}

TEST_F(DiscoveryTest, AnErrorAnswersForAMomentOnly) {
  const Answer& first = Post();
  issuer.Refuse(404);
  EXPECT_EQ(first.text, "NOT_FOUND");
  clock.Advance(DiscoveredEndpoint::kErrorRestMs - 1);
  const Answer& second = Post();
  EXPECT_EQ(second.times, 0) << "never inside the call";
  RunLater();
  EXPECT_EQ(second.text, "NOT_FOUND");
  EXPECT_EQ(issuer.gets, 1);
  clock.Advance(1);
  const Answer& again = Post();
  EXPECT_EQ(issuer.gets, 2);
  issuer.Name(kTokenUrl);
  Serve(kTokenUrl);
  EXPECT_EQ(again.text, kTokenUrl);
}

TEST_F(DiscoveryTest, AFailureOfTheNetworkIsPassedOn) {
  const Answer& answer = Post();
  issuer.Answer(Error{.code = ErrorCode::kDnsFailed, .message = "login.example does not resolve"});
  EXPECT_EQ(answer.text, "DNS_FAILED");
  EXPECT_EQ(answer.message, "Discovering the token endpoint: login.example does not resolve");
}

TEST_F(DiscoveryTest, AnotherIssuersConfigurationIsRefused) {
  const Answer& answer = Post();
  issuer.Name(kTokenUrl, "https://evil.example");
  EXPECT_EQ(answer.text, "CONFIG_INVALID");
  EXPECT_TRUE(issuer.posts.empty());
}

TEST_F(DiscoveryTest, ATokenEndpointThatCannotBeUsedIsRefused) {
  const Answer& answer = Post();
  issuer.Name("http://login.example/token");
  EXPECT_EQ(answer.text, "MALFORMED_RESPONSE");
  EXPECT_NE(answer.message.find("plain http"), std::string::npos);
}

TEST_F(DiscoveryTest, WhoeverDestroysItDropsThoseWhoWait) {
  const Answer& answer = Post();
  endpoint.reset();
  issuer.Name(kTokenUrl);
  EXPECT_EQ(answer.times, 0);
}

TEST_F(DiscoveryTest, ACallbackMayDestroyIt) {
  endpoint->Post({}, [this](Result<TokenReply>) { endpoint.reset(); });
  const Answer& second = Post();
  issuer.Refuse(503);
  EXPECT_EQ(second.text, "UPSTREAM_ERROR") << "it was waiting already";
  EXPECT_EQ(endpoint, nullptr);
}

}  // namespace
}  // namespace trunkline::oauth
