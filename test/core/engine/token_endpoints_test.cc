// Ways to token servers: who shares one, how long it lives, and what is sent on it.
#include "engine/token_endpoints.h"

#include <gtest/gtest.h>

#include <deque>

#include "support/loop.h"
#include "support/server.h"

namespace trunkline::engine {
namespace {

using test::Answer;
using test::Loop;
using test::Peer;
using test::Server;

using Way = std::shared_ptr<oauth::TokenEndpoint>;

class TokenEndpointsTest : public ::testing::Test {
 protected:
  Way Provide(const std::string& url, const net::TlsOptions& tls = {.trusted_pem = "", .verify = false},
              const std::string& proxy = {}) {
    std::optional<net::Proxy> parsed;
    if (!proxy.empty()) parsed = net::ParseProxyUrl(proxy).value();
    auto provided =
        endpoints_.Provide({.token_url = url, .client_id = {}, .client_secret = {}}, tls, parsed, false);
    EXPECT_TRUE(provided.ok());
    return provided.ok() ? *provided : nullptr;
  }

  Result<oauth::TokenReply> Post(const Way& way, const oauth::TokenRequest& request) {
    std::optional<Result<oauth::TokenReply>> reply;
    way->Post(request, [&](Result<oauth::TokenReply> result) { reply = std::move(result); });
    EXPECT_FALSE(reply) << "never inside the call";
    loop_.RunUntil([&] {
      while (!later_.empty()) {
        later_.front()();
        later_.pop_front();
      }
      return reply.has_value();
    });
    return std::move(*reply);
  }

  Loop loop_;
  std::deque<std::function<void()>> later_;
  TokenEndpoints endpoints_{loop_.context, [this](auto job) { later_.push_back(std::move(job)); }};
};

TEST_F(TokenEndpointsTest, IsSharedByThoseWhoGoTheSameWayAlone) {
  const std::string url = "https://login.example.com/token";
  const Way one = Provide(url);
  EXPECT_EQ(Provide(url), one);
  const auto pem = test::MakeAuthority().certificate_pem;
  const std::vector<Way> others = {
      Provide(url + "/2"), Provide(url, {.trusted_pem = pem}),
      Provide(url, {.trusted_pem = "", .verify = false}, "http://proxy:3128"),
      Provide(url, {.trusted_pem = "", .verify = false}, "http://a:b@proxy:3128")};
  for (std::size_t i = 0; i < others.size(); ++i) {
    EXPECT_NE(others[i], one);
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(others[i], others[j]);
  }
}

TEST_F(TokenEndpointsTest, GoesWithTheLastThatHoldsIt) {
  Way way = Provide("https://login.example.com/token");
  const std::weak_ptr<oauth::TokenEndpoint> seen = way;
  Way another = Provide("https://login.example.com/token");
  way.reset();
  EXPECT_FALSE(seen.expired());
  another.reset();
  EXPECT_TRUE(seen.expired());
  EXPECT_NE(Provide("https://login.example.com/token"), nullptr);
}

TEST_F(TokenEndpointsTest, WhatCannotWorkIsRefused) {
  EXPECT_FALSE(
      endpoints_.Provide({.token_url = "ftp://login", .client_id = {}, .client_secret = {}}, {}, {}, false)
          .ok());
  EXPECT_FALSE(endpoints_
                   .Provide({.token_url = "https://login", .client_id = {}, .client_secret = {}},
                            {.trusted_pem = ""}, {}, false)
                   .ok());
  EXPECT_FALSE(endpoints_
                   .Provide({.token_url = "http://login.example.com", .client_id = {}, .client_secret = {}},
                            {}, {}, false)
                   .ok());
  EXPECT_TRUE(endpoints_
                  .Provide({.token_url = "http://login.example.com", .client_id = {}, .client_secret = {}},
                           {}, {}, true)
                  .ok());
}

TEST_F(TokenEndpointsTest, PostsToTheUrlItself) {
  Server server([](Peer& peer) { peer.Write(Answer(429, peer.ReadRequest(), "Retry-After: 7\r\n")); });
  const auto reply = Post(Provide(server.url() + "/oauth/token"),
                          {.url_query = "a=b", .body = "c=d", .headers = {{"X-A", "1"}}});
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->status, 429);
  EXPECT_EQ(reply->retry_after_ms, 7000);
  EXPECT_EQ(reply->body.find("POST /oauth/token?a=b HTTP/1.1\r\n"), 0U);
  EXPECT_NE(reply->body.find("\r\n\r\nc=d"), std::string::npos);
}

TEST_F(TokenEndpointsTest, ARequestThatCannotBeSentFailsLater) {
  const auto reply =
      Post(Provide("http://127.0.0.1:1/token"), {.url_query = "", .body = "", .headers = {{"X-A", "1\r\n"}}});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::kConfigInvalid);
}

// As the token cache does when a fetch ends.
TEST_F(TokenEndpointsTest, TheCallbackMayLetGoOfIt) {
  Server server([](Peer& peer) { peer.Write(Answer(200, peer.ReadRequest())); });
  for (const std::string& url : {server.url(), "http://127.0.0.1:" + std::to_string(test::UnusedPort())}) {
    Way way = Provide(url);
    const std::weak_ptr<oauth::TokenEndpoint> seen = way;
    way->Post({}, [&](auto) { way.reset(); });
    EXPECT_TRUE(loop_.RunUntil([&] { return seen.expired(); }));
  }
}

}  // namespace
}  // namespace trunkline::engine
