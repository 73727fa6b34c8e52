// What another thread hands to the test, one by one.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace trunkline::test {

template <typename T>
class Inbox {
 public:
  void Push(T value) {
    const std::lock_guard guard(mutex_);
    values_.push_back(std::move(value));
    wake_.notify_one();
  }

  // Waits for the next one; nullopt, and a failed test, when a whole minute passes without.
  std::optional<T> Take() {
    std::unique_lock guard(mutex_);
    if (!wake_.wait_for(guard, std::chrono::minutes(1), [&] { return !values_.empty(); })) {
      ADD_FAILURE() << "it never came";
      return std::nullopt;
    }
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    return value;
  }

  std::size_t size() {
    const std::lock_guard guard(mutex_);
    return values_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<T> values_;
};

// Shared, since callbacks may outlive the test that gave up on them.
template <typename T>
std::shared_ptr<Inbox<T>> MakeInbox() {
  return std::make_shared<Inbox<T>>();
}

}  // namespace trunkline::test
