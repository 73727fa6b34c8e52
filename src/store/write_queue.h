// The writes that wait for the writer's thread, and when it is to take them: at once where somebody waits for
// one of them, a little later where nobody does, and in groups under load.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "store/options.h"
#include "store/write.h"

namespace trunkline::store {

class WriteQueue {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Batch = std::vector<std::unique_ptr<Write>>;
  using Task = std::function<void()>;

  // What the writer is to do next.
  enum class Do { kWrite, kRun, kTend, kStop };
  struct Turn {
    Do what;
    Batch batch{};  // kWrite: in the order of their coming, never empty
    Task task{};    // kRun
  };

  WriteQueue(std::size_t max_waiting, std::chrono::milliseconds group_window, Post post)
      : max_waiting_(max_waiting), group_window_(group_window), post_(std::move(post)) {}
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  // Those below: any thread.

  // Where too many wait already, the write is finished with QUEUE_FULL, through `post`.
  void Submit(std::unique_ptr<Write> write);
  template <typename T>
  void Submit(bool urgent, std::function<Result<T>(Transaction&)> apply,
              std::function<void(Result<T>)> answer) {
    Submit(std::make_unique<Request<T>>(urgent, std::move(apply), std::move(answer)));
  }

  // To be run on the writer's thread, before all writes. There is room for one.
  void RunFirst(Task task);

  // What waits is still handed out, but nothing is waited for any more.
  void Stop();
  bool stopping();

  // The writer's thread: waits until there is something to do. From `tend_at` on that is kTend.
  Turn Next(std::optional<TimePoint> tend_at);

 private:
  void Gather(std::unique_lock<std::mutex>& guard, TimePoint end);

  const std::size_t max_waiting_;
  const std::chrono::milliseconds group_window_;
  const Post post_;

  std::mutex mutex_;
  std::condition_variable wake_;
  // Under the mutex.
  bool stopping_ = false;
  Task task_;
  Batch waiting_;
  std::size_t urgent_waiting_ = 0;

  // The writer thread's own.
  std::size_t last_urgent_ = 0;  // how many urgent ones the last batch had
  TimePoint last_taken_{};
};

}  // namespace trunkline::store
