#include "retry/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace trunkline::retry {

Timer::~Timer() {
  if (wheel_ != nullptr) wheel_->Cancel(*this);
}

TimerWheel::~TimerWheel() {
  for (Level& level : levels_) {
    for (Timer* head : level.slots) {
      for (Timer* timer = head; timer != nullptr; timer = timer->next_) timer->wheel_ = nullptr;
    }
  }
}

void TimerWheel::Schedule(Timer& timer, std::int64_t due_ms) {
  if (timer.wheel_ != nullptr) timer.wheel_->Cancel(timer);
  timer.due_ms_ = std::max(due_ms, now_ms_ + 1);
  timer.wheel_ = this;
  ++size_;
  Place(timer);
}

void TimerWheel::Cancel(Timer& timer) {
  if (timer.wheel_ != this) return;
  Unlink(timer);
  timer.wheel_ = nullptr;
  --size_;
}

void TimerWheel::Place(Timer& timer) {
  constexpr std::int64_t kReach = (std::int64_t{1} << (kLevels * kSlotBits)) - 1;
  const std::int64_t distance = std::min(timer.due_ms_ - now_ms_, kReach);
  int level = 0;
  while (level + 1 < kLevels && distance >= std::int64_t{1} << ((level + 1) * kSlotBits)) ++level;
  const auto slot = static_cast<std::uint8_t>((now_ms_ + distance) >> (level * kSlotBits));
  Level& home = levels_[level];
  timer.level_ = static_cast<std::uint8_t>(level);
  timer.slot_ = slot;
  timer.previous_ = nullptr;
  timer.next_ = home.slots[slot];
  if (timer.next_ != nullptr) timer.next_->previous_ = &timer;
  home.slots[slot] = &timer;
  home.occupied[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void TimerWheel::Unlink(Timer& timer) {
  Level& home = levels_[timer.level_];
  if (timer.next_ != nullptr) timer.next_->previous_ = timer.previous_;
  if (timer.previous_ != nullptr) {
    timer.previous_->next_ = timer.next_;
  } else {
    home.slots[timer.slot_] = timer.next_;
    if (timer.next_ == nullptr) home.occupied[timer.slot_ / 64] &= ~(std::uint64_t{1} << (timer.slot_ % 64));
  }
  timer.next_ = timer.previous_ = nullptr;
}

// How many slots after `from` the next occupied one is: 1 … 256 (256: `from` itself, a turn later).
std::optional<int> TimerWheel::DistanceToOccupied(const Level& level, int from) const {
  for (int step = 1; step <= kSlots;) {
    const int slot = (from + step) & (kSlots - 1);
    const std::uint64_t rest = level.occupied[slot / 64] >> (slot % 64);
    const int word_left = 64 - slot % 64;
    if (rest != 0) {
      const int found = step + std::countr_zero(rest);
      if (found <= kSlots) return found;
      return std::nullopt;
    }
    step += word_left;
  }
  return std::nullopt;
}

Timer* TimerWheel::Head(int level) const {
  return levels_[level].slots[static_cast<std::size_t>(now_ms_ >> (level * kSlotBits)) & (kSlots - 1)];
}

// The level whose slot of this moment has to be seen to next: a coarse one that begins now may hold what is
// due now.
std::optional<int> TimerWheel::BusyLevel() const {
  for (int level = kLevels - 1; level > 0; --level) {
    const bool begins = (now_ms_ & ((std::int64_t{1} << (level * kSlotBits)) - 1)) == 0;
    if (begins && Head(level) != nullptr) return level;
  }
  if (Head(0) != nullptr) return 0;
  return std::nullopt;
}

std::optional<std::int64_t> TimerWheel::NextWakeMs() const {
  if (size_ == 0) return std::nullopt;
  if (BusyLevel()) return now_ms_;  // left over from a limited Advance
  std::optional<std::int64_t> next;
  for (int i = 0; i < kLevels; ++i) {
    const std::int64_t position = now_ms_ >> (i * kSlotBits);
    const auto distance = DistanceToOccupied(levels_[i], static_cast<int>(position & (kSlots - 1)));
    if (!distance) continue;
    const std::int64_t at = (position + *distance) << (i * kSlotBits);
    if (!next || at < *next) next = at;
  }
  return next;
}

bool TimerWheel::Advance(std::int64_t now_ms, std::size_t limit) {
  for (;;) {
    while (const auto level = BusyLevel()) {
      if (limit-- == 0) return false;
      Timer& timer = *Head(*level);
      if (*level > 0) {
        // One by one: a slot may hold a million, and to move them all would hold up everything else.
        Unlink(timer);
        Place(timer);
      } else {
        Cancel(timer);
        timer.callback_();  // may destroy the timer
      }
    }
    const auto next = NextWakeMs();
    if (!next || *next > now_ms) {
      now_ms_ = std::max(now_ms_, now_ms);
      return true;
    }
    now_ms_ = *next;
  }
}

}  // namespace trunkline::retry
