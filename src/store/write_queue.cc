#include "store/write_queue.h"

namespace trunkline::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kLazyDelay =
    std::chrono::milliseconds(10);  // how long a write that nobody waits for may wait for company
constexpr std::size_t kCrowd =
    4;  // this many urgent writes in one commit mean load: the next ones are gathered
constexpr std::size_t kFullGroup = 512;  // enough to commit without gathering on
constexpr auto kLookPause =
    std::chrono::microseconds(200);  // nothing came for so long: nobody else is on the way
constexpr int kLooks = 3;            // whether that is so; more of them would cost more than a small group

}  // namespace

void WriteQueue::Submit(std::unique_ptr<Write> write) {
  {
    const std::lock_guard guard(mutex_);
    if (waiting_.size() < max_waiting_) {
      if (write->urgent) ++urgent_waiting_;
      const bool wake = write->urgent ? urgent_waiting_ == 1 : waiting_.empty();
      waiting_.push_back(std::move(write));
      if (wake) wake_.notify_one();
      return;
    }
  }
  // Full: the answer takes the same way as every other, so that no caller is called back inside its own call.
  std::shared_ptr<Write> refused = std::move(write);
  post_([refused] {
    refused->Finish(
        Error{.code = ErrorCode::kQueueFull, .message = "too many writes wait for the event store"});
  });
}

void WriteQueue::RunFirst(Task task) {
  const std::lock_guard guard(mutex_);
  task_ = std::move(task);
  wake_.notify_one();
}

void WriteQueue::Stop() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

bool WriteQueue::stopping() {
  const std::lock_guard guard(mutex_);
  return stopping_;
}

WriteQueue::Turn WriteQueue::Next(std::optional<TimePoint> tend_at) {
  const auto is_awaited = [this] { return stopping_ || task_ || urgent_waiting_ > 0; };
  std::unique_lock guard(mutex_);
  if (waiting_.empty()) {
    const auto has_any = [&] { return is_awaited() || !waiting_.empty(); };
    if (tend_at) {
      wake_.wait_until(guard, *tend_at, has_any);
    } else {
      wake_.wait(guard, has_any);
    }
  }
  if (tend_at && !stopping_ && SteadyClock::now() >= *tend_at) return {.what = Do::kTend};
  if (!is_awaited()) wake_.wait_for(guard, kLazyDelay, is_awaited);

  if (task_) return {.what = Do::kRun, .task = std::exchange(task_, nullptr)};
  if (!stopping_ && last_urgent_ >= kCrowd) Gather(guard, last_taken_ + group_window_);
  if (waiting_.empty()) return {.what = Do::kStop};  // it was not for a write that the waiting ended
  Turn turn{.what = Do::kWrite, .batch = std::move(waiting_)};
  waiting_.clear();
  last_urgent_ = std::exchange(urgent_waiting_, 0);
  guard.unlock();
  last_taken_ = SteadyClock::now();
  return turn;
}

// A sync costs about the same for one event and for fifty: under load, let some gather. But when they have
// stopped coming, whoever else there is waits for an answer first.
void WriteQueue::Gather(std::unique_lock<std::mutex>& guard, TimePoint end) {
  const auto is_enough = [this] { return stopping_ || waiting_.size() >= kFullGroup; };
  std::size_t before = waiting_.size();
  for (int look = 0; look < kLooks; ++look) {
    const auto next = SteadyClock::now() + kLookPause;
    if (next >= end) break;
    if (wake_.wait_until(guard, next, is_enough)) return;
    if (waiting_.size() == before) return;
    before = waiting_.size();
  }
  wake_.wait_until(guard, end, is_enough);
}

}  // namespace trunkline::store
