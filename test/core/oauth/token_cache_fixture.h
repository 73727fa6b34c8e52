// A token cache, a token server that answers when the test says so, and clocks that the test moves.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "oauth/token_cache.h"
#include "support/manual_clock.h"

namespace trunkline::oauth {

inline constexpr std::int64_t kHour = 3'600'000;

class FakeEndpoint final : public TokenEndpoint {
 public:
  struct Call {
    TokenRequest request;
    Callback callback;
  };
  void Post(const TokenRequest& request, Callback callback) override {
    ++posts;
    open.push_back({request, std::move(callback)});
  }
  // Answers the oldest open call.
  void Answer(Result<TokenReply> reply) {
    ASSERT_FALSE(open.empty());
    const Callback callback = std::move(open.front().callback);
    open.pop_front();
    callback(std::move(reply));
  }
  void Grant(const std::string& token, std::int64_t seconds = 3600, const std::string& members = "") {
    Answer(TokenReply{.status = 200,
                      .body = R"({"access_token":")" + token + R"(","token_type":"Bearer","expires_in":)" +
                              std::to_string(seconds) + members + "}"});
  }
  void Refuse(int status, std::int64_t retry_after_ms = -1) {
    Answer(TokenReply{.status = status, .body = {}, .retry_after_ms = retry_after_ms});
  }

  int posts = 0;
  std::deque<Call> open;
};

inline Credential Client(const std::string& id = "client") {
  return {.token_url = "https://login.example/oauth/token", .client_id = id, .client_secret = "S3CR3T"};
}

class TokenCacheTest : public testing::Test {
 protected:
  // Time passes, timers fire.
  void Pass(std::int64_t ms) {
    clock.Advance(ms);
    while (!wheel.Advance(clock.MonotonicMs())) {
    }
  }

  // The answer of a Get as text, once there is one: the token, or the code's name.
  struct Answer {
    std::string text = "(waiting)";
    Error error{};
    int times = 0;
  };
  TokenCache::Callback Into(Answer& answer) {
    return [&answer](Result<std::string> token) {
      ++answer.times;
      answer.text = token ? *token : std::string(Describe(token.error().code).name);
      if (!token) answer.error = token.error();
    };
  }
  Answer& Get(const Credential& credential = Client()) {
    Answer& answer = answers.emplace_back();
    cache->Get(credential, way, Into(answer));
    return answer;
  }
  std::string Got(const Credential& credential = Client()) { return Get(credential).text; }

  // A token in the cache.
  void Hold(const std::string& token, std::int64_t seconds = 3600) {
    Get();
    endpoint.Grant(token, seconds);
    ASSERT_EQ(Got(), token);
  }

  // Fails the open call and every further try.
  void ExhaustTries(int status) {
    for (int tries = 0; tries < 4; ++tries) {
      endpoint.Refuse(status);
      Pass(10'000);
    }
  }

  void Rebuild(retry::Policy policy, std::size_t most_credentials = TokenCache::kMostCredentials) {
    cache = std::make_unique<TokenCache>(
        clock, wheel, [this] { return chance; }, policy, most_credentials);
  }

  test::ManualClock clock;
  retry::TimerWheel wheel{clock.MonotonicMs()};
  const std::shared_ptr<FakeEndpoint> way = std::make_shared<FakeEndpoint>();
  FakeEndpoint& endpoint = *way;
  double chance = 0;
  std::deque<Answer> answers;  // keeps addresses
  std::unique_ptr<TokenCache> cache = std::make_unique<TokenCache>(clock, wheel, [this] { return chance; });
};

}  // namespace trunkline::oauth
