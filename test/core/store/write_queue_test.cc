// What the writer's thread is told to do, and in which order.
#include "store/write_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/mailbox.h"

namespace trunkline::store {
namespace {

using test::Mailbox;
using Do = WriteQueue::Do;

constexpr auto kEver = std::chrono::hours(1);  // a test that waits for it hangs

class NumberedWrite final : public Write {
 public:
  NumberedWrite(int its_number, bool is_urgent, std::vector<Error>* refusals)
      : Write(is_urgent), number(its_number), refusals_(refusals) {}
  Status Apply(Transaction&) override { return Ok(); }
  void Finish(Status durable) override { refusals_->push_back(durable.error()); }
  const int number;

 private:
  std::vector<Error>* refusals_;
};

class AWriteQueue : public testing::Test {
 protected:
  void Submit(int number, bool urgent = true) {
    queue.Submit(std::make_unique<NumberedWrite>(number, urgent, &refusals));
  }
  static std::vector<int> Numbers(const WriteQueue::Turn& turn) {
    std::vector<int> numbers;
    for (const auto& write : turn.batch) {
      numbers.push_back(static_cast<const NumberedWrite&>(*write).number);
    }
    return numbers;
  }

  Mailbox mailbox;
  std::vector<Error> refusals;
  WriteQueue queue{8, kEver, [this](Mailbox::Job job) { mailbox.Post(std::move(job)); }};
};

TEST_F(AWriteQueue, HandsOutEverythingThatWaitsInItsOrder) {
  Submit(1, false);
  Submit(2);
  Submit(3, false);
  const auto turn = queue.Next(std::nullopt);
  EXPECT_EQ(turn.what, Do::kWrite);
  EXPECT_EQ(Numbers(turn), (std::vector<int>{1, 2, 3}));
}

TEST_F(AWriteQueue, HandsOutWhatNobodyWaitsFor) {
  Submit(1, false);
  EXPECT_EQ(Numbers(queue.Next(std::nullopt)), std::vector<int>{1});
}

TEST_F(AWriteQueue, WakesTheWriterForAWriteATaskAndTheEnd) {
  const std::vector<std::pair<Do, std::function<void()>>> causes = {
      {Do::kWrite, [this] { Submit(1); }},
      {Do::kWrite, [this] { Submit(2, false); }},
      {Do::kRun, [this] { queue.RunFirst([] {}); }},
      {Do::kStop, [this] { queue.Stop(); }},
  };
  for (const auto& [expected, cause] : causes) {
    std::thread writer([this, what = expected] { EXPECT_EQ(queue.Next(std::nullopt).what, what); });
    cause();
    writer.join();
  }
}

TEST_F(AWriteQueue, RunsATaskBeforeTheWrites) {
  Submit(1);
  bool ran = false;
  queue.RunFirst([&ran] { ran = true; });
  const auto turn = queue.Next(std::nullopt);
  ASSERT_EQ(turn.what, Do::kRun);
  turn.task();
  EXPECT_TRUE(ran);
  EXPECT_EQ(queue.Next(std::nullopt).what, Do::kWrite) << "and only once";
}

TEST_F(AWriteQueue, TendsWhenItIsTimeWhateverWaits) {
  EXPECT_EQ(queue.Next(WriteQueue::TimePoint{}).what, Do::kTend);
  Submit(1);
  EXPECT_EQ(queue.Next(WriteQueue::TimePoint{}).what, Do::kTend);
  EXPECT_EQ(queue.Next(std::chrono::steady_clock::now() + kEver).what, Do::kWrite);
}

TEST_F(AWriteQueue, AtItsEndHandsOutWhatWaitsAndTendsNoMore) {
  Submit(1, false);
  EXPECT_FALSE(queue.stopping());
  queue.Stop();
  EXPECT_TRUE(queue.stopping());
  EXPECT_EQ(queue.Next(WriteQueue::TimePoint{}).what, Do::kWrite);
  EXPECT_EQ(queue.Next(WriteQueue::TimePoint{}).what, Do::kStop);
}

TEST_F(AWriteQueue, UnderLoadGathersNoLongerThanWritesKeepComing) {
  for (int number = 1; number <= 4; ++number) Submit(number);
  ASSERT_EQ(Numbers(queue.Next(std::nullopt)).size(), 4U);
  Submit(5);
  EXPECT_EQ(Numbers(queue.Next(std::nullopt)), std::vector<int>{5}) << "long before its window is over";
}

TEST_F(AWriteQueue, ThatIsFullRefusesThroughThePost) {
  for (int number = 1; number <= 9; ++number) Submit(number);
  EXPECT_TRUE(refusals.empty()) << "not inside the call";
  mailbox.RunPosted();
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].code, ErrorCode::kQueueFull);
  EXPECT_EQ(Numbers(queue.Next(std::nullopt)), (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
}

}  // namespace
}  // namespace trunkline::store
