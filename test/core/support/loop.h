// A libuv loop that a test drives by hand: it turns until what is expected has happened, and time moves only
// when the test says so.
#pragma once

#include <gtest/gtest.h>
#include <uv.h>

#include <atomic>
#include <cstdlib>
#include <functional>

#include "net/context.h"
#include "support/manual_clock.h"

namespace trunkline::test {

class Loop {
 public:
  Loop() : timers(clock.MonotonicMs()), context{&loop_, &timers, &clock, {}} {
    if (uv_loop_init(&loop_) != 0) std::abort();
    uv_async_init(&loop_, &wake_, [](uv_async_t*) {});
    uv_timer_init(&loop_, &guard_);
    guard_.data = this;
  }
  // Whatever lived on the loop has to be gone by now, and must have closed its handles.
  ~Loop() {
    uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&guard_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0) << "a handle was left open";
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Turns until `happened`; false, and a failed test, when a whole minute passes without.
  bool RunUntil(const std::function<bool()>& happened) {
    bool too_late = false;
    guard_.data = &too_late;
    uv_timer_start(
        &guard_, [](uv_timer_t* timer) { *static_cast<bool*>(timer->data) = true; }, 60'000, 0);
    for (;;) {
      SettleTimers();
      if (happened() || too_late) break;
      uv_run(&loop_, UV_RUN_ONCE);
    }
    uv_timer_stop(&guard_);
    EXPECT_FALSE(too_late) << "it never happened";
    return !too_late;
  }

  // Lets the loop take what is there already.
  void Turn(int times = 3) {
    for (int i = 0; i < times; ++i) {
      SettleTimers();
      uv_run(&loop_, UV_RUN_NOWAIT);
    }
  }

  void Advance(std::int64_t ms) {
    clock.Advance(ms);
    while (!timers.Advance(clock.MonotonicMs())) {
    }
    Turn();
  }

  // Makes RunUntil look again. Any thread.
  void Notify() { uv_async_send(&wake_); }

  ManualClock clock;
  retry::TimerWheel timers;

 private:
  // What wants to run in the next moment, such as a failure that was found inside a call.
  void SettleTimers() {
    while (timers.NextWakeMs() && *timers.NextWakeMs() <= clock.MonotonicMs() + 1) {
      clock.Advance(1);
      timers.Advance(clock.MonotonicMs());
    }
  }

  uv_loop_t loop_{};
  uv_async_t wake_{};
  uv_timer_t guard_{};

 public:
  net::Context context;
};

// Something that a server's thread tells the test on the loop.
class Signal {
 public:
  explicit Signal(Loop& loop) : loop_(loop) {}
  void Set() {
    ++count_;
    loop_.Notify();
  }
  int count() const { return count_; }

 private:
  Loop& loop_;
  std::atomic<int> count_{0};
};

}  // namespace trunkline::test
