// The exchange under random faults: every call ends exactly once, and nothing is left behind.
#include <algorithm>
#include <array>
#include <random>

#include "delivery/exchange_fixture.h"

namespace trunkline::test {
namespace {

class ExchangePropertyTest : public ExchangeTest, public ::testing::WithParamInterface<int> {
 protected:
  std::int64_t Pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool Chance(int percent) { return Pick(1, 100) <= percent; }

  Options AnyOptions() {
    Options options{.max_pending = static_cast<std::size_t>(Pick(5, 60))};
    if (Chance(60)) options.credential = AnyCredential();
    if (Chance(60)) options.rate_limit = delivery::RateLimit{.requests = Pick(1, 20), .per_ms = Pick(1, 500)};
    if (Chance(50)) {
      options.breaker = retry::BreakerOptions{
          .failures = static_cast<int>(Pick(1, 8)), .window_ms = Pick(1, 5000), .open_ms = Pick(1, 2000)};
    }
    return options;
  }

  delivery::Call AnyCall() {
    delivery::Call call = Chance(50) ? Get() : Post();
    if (Chance(3)) call.request.target = "no path";
    if (Chance(30)) call.deadline_ms = Pick(1, 3000);
    retry::Policy policy = Plain(static_cast<int>(Pick(1, 5)));
    policy.jitter = retry::Jitter::kFull;
    call.retry = Shared(std::move(policy));
    return call;
  }

  void AnswerAny() {
    // Not always the oldest: answers come in any order.
    std::swap(
        transport_.under_way.front(),
        transport_.under_way[static_cast<std::size_t>(Pick(0, static_cast<std::int64_t>(UnderWay()) - 1))]);
    constexpr std::array kStatuses = {200, 200, 204, 301, 401, 404, 408, 429, 500, 501, 503};
    constexpr std::array kCodes = {ErrorCode::kConnectionFailed, ErrorCode::kTimeout, ErrorCode::kTlsFailed,
                                   ErrorCode::kMalformedResponse};
    if (Chance(25)) {
      return transport_.Fail(Error{.code = kCodes[static_cast<std::size_t>(Pick(0, kCodes.size() - 1))],
                                   .message = "lost",
                                   .nothing_sent = Chance(50)});
    }
    std::vector<std::pair<std::string, std::string>> headers;
    if (Chance(20)) headers.emplace_back("retry-after", std::to_string(Pick(0, 70)));
    transport_.Answer(kStatuses[static_cast<std::size_t>(Pick(0, kStatuses.size() - 1))], std::move(headers));
  }

  void AnswerToken() {
    if (Chance(70)) return endpoint_.Grant("t" + std::to_string(endpoint_.posts));
    if (Chance(50)) return endpoint_.Fail(ErrorCode::kTimeout);
    endpoint_.Answer(Chance(50) ? 401 : 503);
  }

  std::mt19937 random_{static_cast<std::mt19937::result_type>(GetParam())};
};

TEST_P(ExchangePropertyTest, EveryCallEndsExactlyOnce) {
  Make(AnyOptions());
  for (int step = 0; step < 600; ++step) {
    const auto dice = Pick(1, 100);
    if (dice <= 40) {
      Start(AnyCall());
    } else if (dice <= 65) {
      if (UnderWay() > 0) AnswerAny();
    } else if (dice <= 75) {
      if (!endpoint_.asked.empty()) AnswerToken();
    } else if (dice <= 85) {
      if (last_id_ > 0) Abort(static_cast<std::uint64_t>(Pick(1, static_cast<std::int64_t>(last_id_))));
    } else {
      Advance(Pick(1, 200));
    }
  }
  bool drained = false;
  exchange_->Drain(Pick(0, 60'000), [&] { drained = true; });
  for (int round = 0; round < 2000 && !drained; ++round) {
    while (!endpoint_.asked.empty()) endpoint_.Grant("t" + std::to_string(endpoint_.posts));
    while (UnderWay() > 0) transport_.Answer(200);
    Advance(50);
  }
  EXPECT_TRUE(drained);
  EXPECT_EQ(ended_.size(), last_id_);
  for (const auto& [id, results] : ended_) EXPECT_EQ(results.size(), 1u) << "call " << id;
  const auto& counters = counters_;
  EXPECT_EQ(counters.succeeded + counters.failed, counters.calls);
  EXPECT_EQ(UnderWay(), 0u);
  DestroyExchange();
  Advance(10'000);
  while (!endpoint_.asked.empty()) endpoint_.Grant("late");
  EXPECT_EQ(timers_.size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExchangePropertyTest, ::testing::Range(1, 61));

}  // namespace
}  // namespace trunkline::test
