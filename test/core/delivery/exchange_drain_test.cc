// The exchange's end: what goes on for a while, and what is told that it is over.
#include "delivery/exchange.h"
#include "delivery/exchange_fixture.h"

namespace trunkline::test {
namespace {

using delivery::RateLimit;

TEST_F(ExchangeTest, DrainWaitsForWhatIsUnderWayAndTakesNothingMore) {
  Make();
  int drained = 0;
  const auto sending = Start(Get());
  const auto waiting = Start(Get());
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(sending).ok());
  transport_.Answer(503);
  exchange_->Drain(10'000, [&] { ++drained; });
  EXPECT_EQ(ErrorOf(Start(Get())).code, ErrorCode::kClosed);
  EXPECT_EQ(drained, 0);
  Advance(100);
  transport_.Answer(200);
  EXPECT_EQ(ResultOf(waiting)->attempts, 2);
  EXPECT_EQ(drained, 1);

  Make();
  exchange_->Drain(10'000, [&] { ++drained; });
  EXPECT_EQ(drained, 2) << "at once where nothing is under way";
}

TEST_F(ExchangeTest, DrainDoesNotBeginOrGoOnWithAWaitThatOutlastsTheGrace) {
  Make();
  bool drained = false;
  const auto waits_long = Start(Get());
  transport_.Answer(503, {{"retry-after", "30"}});
  const auto waits_short = Start(Get());
  transport_.Answer(503, {{"retry-after", "3"}});
  const auto sending = Start(Get());
  exchange_->Drain(5000, [&] { drained = true; });
  EXPECT_EQ(ErrorOf(waits_long).code, ErrorCode::kClosed);
  EXPECT_EQ(ErrorOf(waits_long).attempts, 1);
  EXPECT_FALSE(Ended(waits_short));
  transport_.Answer(503, {{"retry-after", "30"}});
  EXPECT_EQ(ErrorOf(sending).code, ErrorCode::kClosed);
  EXPECT_FALSE(drained);
  Advance(3000);
  transport_.Answer(200);
  EXPECT_EQ(ResultOf(waits_short)->attempts, 2);
  EXPECT_TRUE(drained);
  EXPECT_EQ(timers_.size(), 0u);
}

TEST_F(ExchangeTest, AfterTheGraceOnlyWhatIsSentGoesOn) {
  Make({.credential = AnyCredential(), .max_in_flight = 2});
  bool drained = false;
  const auto succeeds = Start(Get());
  const auto fails = Start(Get());
  const auto before_its_turn = Start(Get());
  endpoint_.Grant("t1");
  ASSERT_EQ(UnderWay(), 2u);
  exchange_->Drain(5000, [&] { drained = true; });
  Advance(4999);
  EXPECT_FALSE(Ended(before_its_turn));
  Advance(1);
  EXPECT_EQ(ErrorOf(before_its_turn).code, ErrorCode::kClosed);
  EXPECT_EQ(ErrorOf(before_its_turn).attempts, 0);
  EXPECT_FALSE(drained);
  Advance(60'000);
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(succeeds).ok());
  EXPECT_FALSE(drained);
  transport_.Answer(503);
  EXPECT_EQ(ErrorOf(fails).code, ErrorCode::kClosed);
  EXPECT_TRUE(drained);
}

TEST_F(ExchangeTest, TheGraceEndsAWaitForAToken) {
  Make({.credential = AnyCredential()});
  bool drained = false;
  const auto at_token = Start(Get());
  exchange_->Drain(5000, [&] { drained = true; });
  Advance(5000);
  EXPECT_EQ(ErrorOf(at_token).code, ErrorCode::kClosed);
  EXPECT_TRUE(drained);
  endpoint_.Grant("late");
  EXPECT_EQ(UnderWay(), 0u);
}

TEST_F(ExchangeTest, DrainEndsWhoWouldWaitForTheRateForTooLong) {
  Make({.rate_limit = RateLimit{.requests = 1, .per_ms = 4000}});
  bool drained = false;
  const auto first = Start(Get());
  const auto second = Start(Get());
  const auto third = Start(Get());
  exchange_->Drain(5000, [&] { drained = true; });
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(first).ok());
  Advance(3999);
  EXPECT_FALSE(Ended(second));
  Advance(1);
  EXPECT_EQ(ErrorOf(third).code, ErrorCode::kClosed) << "its turn would come after 8 s";
  transport_.Answer(200);
  EXPECT_TRUE(ResultOf(second).ok());
  EXPECT_TRUE(drained);

  Make({.rate_limit = RateLimit{.requests = 1, .per_ms = 4000}});
  drained = false;
  Start(Get());
  const auto paused = Start(Get());
  transport_.Answer(429, {{"retry-after", "20"}});
  exchange_->Drain(5000, [&] { drained = true; });
  EXPECT_EQ(ErrorOf(paused).code, ErrorCode::kClosed) << "the pause is longer";
  EXPECT_TRUE(drained);
}

TEST_F(ExchangeTest, ACallThatIsClosedMayTakeAnotherWithIt) {
  Make();
  bool drained = false;
  const auto victim_holder = std::make_shared<std::uint64_t>(0);
  Start(Get(), [this, victim_holder] { calls_.erase(*victim_holder); });
  *victim_holder = Start(Get());
  const auto last = Start(Get());
  for (int i = 0; i < 3; ++i) transport_.Answer(503, {{"retry-after", "30"}});
  exchange_->Drain(0, [&] { drained = true; });
  EXPECT_FALSE(Ended(*victim_holder));
  EXPECT_EQ(ErrorOf(last).code, ErrorCode::kClosed);
  EXPECT_TRUE(drained);
  EXPECT_EQ(timers_.size(), 0u);
}

}  // namespace
}  // namespace trunkline::test
