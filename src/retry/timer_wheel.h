// A hierarchical timer wheel (Varghese and Lauck, 1987): scheduling and cancelling take constant time for any
// number of timers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace trunkline::retry {

class TimerWheel;

// One waiting callback. It lies inside the object that waits; destroying it cancels it. Not movable: the
// wheel holds its address.
class Timer {
 public:
  explicit Timer(std::function<void()> callback) : callback_(std::move(callback)) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool scheduled() const { return wheel_ != nullptr; }
  std::int64_t due_ms() const { return due_ms_; }

 private:
  friend class TimerWheel;
  std::function<void()> callback_;
  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  TimerWheel* wheel_ = nullptr;
  std::int64_t due_ms_ = 0;
  std::uint8_t level_ = 0;
  std::uint8_t slot_ = 0;
};

// Times are milliseconds of one monotonic clock. Everything on one thread. The wheel outlives its timers or
// is empty when it goes.
class TimerWheel {
 public:
  explicit TimerWheel(std::int64_t now_ms) : now_ms_(now_ms) {}
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // (Re)schedules: fires in the first Advance to `due_ms` or later, and never inside this call.
  void Schedule(Timer& timer, std::int64_t due_ms);
  void Cancel(Timer& timer);

  // Fires what is due up to `now_ms`, in order of time. Callbacks may schedule, cancel and destroy timers.
  // Touches at most `limit` timers, to fire them or to move them to where their time is told more finely.
  // True when it has caught up with `now_ms`; false: call again, after other work had its turn.
  bool Advance(std::int64_t now_ms, std::size_t limit = 1024);

  // When Advance has work next: never later than the first timer's time, perhaps earlier. nullopt when no
  // timer waits.
  std::optional<std::int64_t> NextWakeMs() const;

  std::size_t size() const { return size_; }

 private:
  static constexpr int kLevels =
      4;  // slots of 1 ms, 256 ms, 65 s, 4.7 h: 49 days in all; what is later waits in the last level
  static constexpr int kSlotBits = 8;
  static constexpr int kSlots = 1 << kSlotBits;

  struct Level {
    std::array<Timer*, kSlots> slots{};
    std::array<std::uint64_t, kSlots / 64> occupied{};
  };

  void Place(Timer& timer);
  void Unlink(Timer& timer);
  Timer* Head(int level) const;
  std::optional<int> BusyLevel() const;
  std::optional<int> DistanceToOccupied(const Level& level, int from) const;

  std::array<Level, kLevels> levels_;
  std::int64_t now_ms_;  // everything due by then has fired, but for what is left in its slots
  std::size_t size_ = 0;
};

}  // namespace trunkline::retry
