// An exchange between a network, a token server and a clock that the test holds in its hands.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "delivery/exchange.h"
#include "delivery/memory_transport.h"
#include "oauth/fake_issuers.h"
#include "support/manual_clock.h"

namespace trunkline::test {

// Keeps what is asked of it, and answers the oldest question when the test likes.
class MemoryTokenEndpoint final : public oauth::TokenEndpoint {
 public:
  void Post(const oauth::TokenRequest&, Callback callback) override {
    ++posts;
    asked.push_back(std::move(callback));
  }
  void Grant(const std::string& token) {
    Answer(200, R"({"token_type":"Bearer","expires_in":3600,"access_token":")" + token + "\"}");
  }
  void Answer(int status, std::string body = "{}") {
    End(oauth::TokenReply{.status = status, .body = std::move(body)});
  }
  void Fail(ErrorCode code) { End(Error{.code = code, .message = "the network failed"}); }

  int posts = 0;
  std::vector<Callback> asked;

 private:
  void End(Result<oauth::TokenReply> reply) {
    const Callback callback = std::move(asked.front());
    asked.erase(asked.begin());
    callback(std::move(reply));
  }
};

class ExchangeTest : public ::testing::Test {
 protected:
  using Options = delivery::ExchangeOptions;

  static oauth::Credential AnyCredential() {
    return {.token_url = "https://login.example.com/token", .client_id = "id", .client_secret = "secret"};
  }

  // 4 tries, waits of 100, 200, 400 ms.
  static retry::Policy Plain(int attempts = 4) {
    return {
        .attempts = attempts, .base_ms = 100, .factor = 2, .max_ms = 10'000, .jitter = retry::Jitter::kNone};
  }
  static std::shared_ptr<const retry::Policy> Shared(retry::Policy policy) {
    return std::make_shared<retry::Policy>(std::move(policy));
  }

  delivery::Exchange& Make(Options options = {}) {
    DestroyExchange();
    options.base = {
        .tls = true, .host = "api.example.com", .port = 443, .authority = "api.example.com", .path = "/v1"};
    options.token_endpoint = way_;
    exchange_ = std::move(delivery::Exchange::Create(std::move(options), transport_, &tokens_, timers_,
                                                     clock_, counters_))
                    .value();
    return *exchange_;
  }

  delivery::Call Get(const std::string& target = "/x") {
    delivery::Call call{.request = {.method = "GET", .target = target}, .retry = Shared(Plain())};
    call.repeatable = true;
    return call;
  }
  delivery::Call Post(const std::string& target = "/x") {
    return {.request = {.method = "POST", .target = target, .body = "{}", .has_body = true},
            .retry = Shared(Plain())};
  }

  // Its number, for Abort and for `ended_`.
  std::uint64_t Start(delivery::Call call, std::function<void()> then = nullptr) {
    const std::uint64_t id = ++last_id_;
    auto& pending = calls_[id];
    pending = std::make_unique<delivery::PendingCall>([this, id, then](Result<delivery::Reply> result) {
      ended_[id].push_back(std::move(result));
      if (then) then();
    });
    exchange_->Start(*pending, std::move(call));
    return id;
  }
  void Abort(std::uint64_t id) { exchange_->Abort(*calls_.at(id)); }
  void DestroyExchange() {
    calls_.clear();
    exchange_.reset();
  }

  bool Ended(std::uint64_t id) const { return ended_.contains(id); }
  Result<delivery::Reply>& ResultOf(std::uint64_t id) {
    EXPECT_EQ(ended_[id].size(), 1u) << "a call ends exactly once";
    return ended_[id].at(0);
  }
  Error ErrorOf(std::uint64_t id) {
    EXPECT_FALSE(ResultOf(id).ok());
    return ResultOf(id).error();
  }

  // Millisecond by millisecond, so that each timer sees its own time.
  void Advance(std::int64_t ms) {
    for (std::int64_t passed = 0; passed < ms; ++passed) {
      clock_.Advance(1);
      while (!timers_.Advance(clock_.MonotonicMs())) {
      }
    }
  }

  std::size_t UnderWay() const { return transport_.under_way.size(); }

  ManualClock clock_;
  retry::TimerWheel timers_{clock_.MonotonicMs()};
  MemoryTransport transport_;
  const std::shared_ptr<MemoryTokenEndpoint> way_ = std::make_shared<MemoryTokenEndpoint>();
  MemoryTokenEndpoint& endpoint_ = *way_;
  oauth::TokenCache tokens_{clock_, timers_, [] { return 0.0; }, Plain(2)};
  delivery::ExchangeCounters counters_;
  std::unique_ptr<delivery::Exchange> exchange_;
  std::map<std::uint64_t, std::unique_ptr<delivery::PendingCall>> calls_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::vector<Result<delivery::Reply>>> ended_;
};

}  // namespace trunkline::test
