// What everything in this folder runs on: one libuv loop, one timer wheel, one thread.
#pragma once

#include <uv.h>

#include <array>

#include "base/clock.h"
#include "retry/timer_wheel.h"

namespace trunkline::net {

struct Context {
  uv_loop_t* loop;
  retry::TimerWheel* timers;
  const Clock* clock;
  // Every read lands here and is consumed before the next one starts.
  std::array<char, 64 * 1024> read_buffer;
};

}  // namespace trunkline::net
