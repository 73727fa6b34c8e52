// The engine's mailbox, played by the test: jobs that other threads post run when the test waits for
// something.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace trunkline::test {

class Mailbox {
 public:
  using Job = std::function<void()>;

  void Post(Job job) {
    const std::lock_guard guard(mutex_);
    jobs_.push_back(std::move(job));
    ++posted_;
    wake_.notify_one();
  }

  // Runs jobs until `happened`; false, and a failed test, when a whole minute passes without.
  bool RunUntil(const std::function<bool()>& happened) {
    while (!happened()) {
      Job job;
      {
        std::unique_lock guard(mutex_);
        if (!wake_.wait_for(guard, std::chrono::minutes(1), [&] { return !jobs_.empty(); })) {
          ADD_FAILURE() << "it never happened";
          return false;
        }
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      job();
    }
    return true;
  }

  // Runs what has been posted already.
  void RunPosted() {
    std::deque<Job> jobs;
    {
      const std::lock_guard guard(mutex_);
      jobs.swap(jobs_);
    }
    for (const Job& job : jobs) job();
  }

  std::size_t posted() {
    const std::lock_guard guard(mutex_);
    return posted_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::size_t posted_ = 0;
};

}  // namespace trunkline::test
