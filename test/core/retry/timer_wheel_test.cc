// The timer wheel: against a sorted map that is too simple to be wrong, and from inside its own callbacks.
#include "retry/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace trunkline::retry {
namespace {

constexpr std::int64_t kDay = 86'400'000;

static_assert(sizeof(Timer) <= 128, "two cache lines: one lies in every delivery and every call");

TEST(TimerWheel, FiresWhenItsTimeHasComeAndOnce) {
  TimerWheel wheel(1000);
  int fired = 0;
  Timer timer([&] { ++fired; });
  EXPECT_FALSE(timer.scheduled());
  EXPECT_EQ(wheel.NextWakeMs(), std::nullopt);
  wheel.Schedule(timer, 1010);
  EXPECT_TRUE(timer.scheduled());
  EXPECT_EQ(timer.due_ms(), 1010);
  EXPECT_EQ(wheel.size(), 1U);
  EXPECT_TRUE(wheel.Advance(1009));
  EXPECT_EQ(fired, 0);
  EXPECT_TRUE(wheel.Advance(1010));
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.scheduled());
  EXPECT_EQ(wheel.size(), 0U);
  EXPECT_TRUE(wheel.Advance(99'999));
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, WhatIsDueAlreadyFiresInTheNextAdvanceNotInTheCall) {
  TimerWheel wheel(1000);
  int fired = 0;
  Timer timer([&] { ++fired; });
  for (const std::int64_t due :
       {std::int64_t{1000}, std::int64_t{0}, std::int64_t{-5}, std::numeric_limits<std::int64_t>::min()}) {
    wheel.Schedule(timer, due);
    EXPECT_EQ(fired, 0);
    EXPECT_LE(*wheel.NextWakeMs(), 1001);
    wheel.Cancel(timer);
  }
  wheel.Schedule(timer, 1000);
  wheel.Advance(1001);
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, CancelledAndDestroyedTimersDoNotFire) {
  TimerWheel wheel(0);
  int fired = 0;
  Timer cancelled([&] { ++fired; });
  wheel.Schedule(cancelled, 5);
  wheel.Cancel(cancelled);
  wheel.Cancel(cancelled);
  {
    Timer destroyed([&] { ++fired; });
    wheel.Schedule(destroyed, 5);
  }
  EXPECT_EQ(wheel.size(), 0U);
  wheel.Advance(10);
  EXPECT_EQ(fired, 0);
}

TEST(TimerWheel, ReschedulingMovesATimerAlsoBetweenWheels) {
  TimerWheel first(0), second(0);
  int fired = 0;
  Timer timer([&] { ++fired; });
  first.Schedule(timer, 5);
  first.Schedule(timer, 50'000);
  first.Advance(49'999);
  EXPECT_EQ(fired, 0);
  second.Schedule(timer, 7);
  EXPECT_EQ(first.size(), 0U);
  first.Advance(60'000);
  EXPECT_EQ(fired, 0);
  second.Advance(7);
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, AWheelMayGoBeforeItsTimers) {
  Timer timer([] { FAIL(); });
  {
    TimerWheel wheel(0);
    wheel.Schedule(timer, 5);
  }
  EXPECT_FALSE(timer.scheduled());
}

TEST(TimerWheel, ACallbackMayDestroyItsTimerAndOthers) {
  TimerWheel wheel(0);
  std::vector<std::unique_ptr<Timer>> timers;
  int fired = 0;
  for (int i = 0; i < 8; ++i) {
    timers.push_back(std::make_unique<Timer>([&] {
      ++fired;
      timers.clear();  // this one, those of the same millisecond, and later ones
    }));
    wheel.Schedule(*timers.back(), i < 4 ? 10 : 10 + 1000 * i);
  }
  EXPECT_TRUE(wheel.Advance(100'000));
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(wheel.size(), 0U);
}

TEST(TimerWheel, ACallbackMayScheduleItselfAndOthers) {
  TimerWheel wheel(0);
  std::vector<std::int64_t> at;
  std::unique_ptr<Timer> timer, other;
  other = std::make_unique<Timer>([&] { at.push_back(-other->due_ms()); });
  timer = std::make_unique<Timer>([&] {
    at.push_back(timer->due_ms());
    if (at.size() == 1)
      wheel.Schedule(*other, timer->due_ms());  // this very moment has begun: the next one counts
    if (at.size() < 4) wheel.Schedule(*timer, timer->due_ms() + 300);
  });
  wheel.Schedule(*timer, 100);
  EXPECT_TRUE(wheel.Advance(10'000));
  EXPECT_EQ(at, (std::vector<std::int64_t>{100, -101, 400, 700}));
}

TEST(TimerWheel, ATimerThatAlwaysComesBackDoesNotHoldTheCallerBeyondItsLimit) {
  TimerWheel wheel(0);
  std::size_t fired = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>([&] {
    ++fired;
    wheel.Schedule(*timer, 0);
  });
  wheel.Schedule(*timer, 1);
  EXPECT_FALSE(wheel.Advance(1'000'000, 10));
  EXPECT_EQ(fired, 10U);
  EXPECT_LE(*wheel.NextWakeMs(), 1'000'000);
}

TEST(TimerWheel, TheLimitLeavesTheRestForTheNextCall) {
  TimerWheel wheel(0);
  std::vector<std::int64_t> fired;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 100; ++i) {
    const std::int64_t due = 10 + i / 10;
    timers.push_back(std::make_unique<Timer>([&fired, due] { fired.push_back(due); }));
    wheel.Schedule(*timers.back(), due);
  }
  int calls = 1;
  while (!wheel.Advance(500, 7)) {
    ASSERT_EQ(fired.size(), static_cast<std::size_t>(calls) * 7);
    ASSERT_LE(*wheel.NextWakeMs(), 10 + static_cast<std::int64_t>(fired.size()) / 10);
    ++calls;
  }
  EXPECT_EQ(fired.size(), 100U);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
  EXPECT_FALSE(wheel.Advance(500, 0) && wheel.size() > 0);
}

// A slot of a coarse level may hold a million timers: moving them all down at once would hold up everybody.
TEST(TimerWheel, WhatIsMovedCountsAgainstTheLimitToo) {
  TimerWheel wheel(0);
  std::size_t fired = 0;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 1000; ++i) {
    timers.push_back(std::make_unique<Timer>([&fired] { ++fired; }));
    wheel.Schedule(*timers.back(), 100'000);
  }
  int turns = 1;
  for (; !wheel.Advance(100'000, 100); ++turns) {
    ASSERT_LE(*wheel.NextWakeMs(), 100'000);
    ASSERT_LT(turns, 100);
  }
  EXPECT_EQ(fired, 1000U);
  EXPECT_GE(turns, 30) << "two moves and a firing each";
}

// In the middle of moving a slot down, timers come, go and keep their order.
TEST(TimerWheel, ASlotThatIsBeingMovedMayBeChanged) {
  TimerWheel wheel(0);
  std::vector<std::int64_t> fired;
  std::vector<std::unique_ptr<Timer>> timers;
  const auto add = [&](std::int64_t due) {
    timers.push_back(std::make_unique<Timer>([&fired, due] { fired.push_back(due); }));
    wheel.Schedule(*timers.back(), due);
  };
  for (std::int64_t i = 0; i < 100; ++i) add(65'536 + i);
  EXPECT_FALSE(wheel.Advance(65'536, 50));
  for (std::size_t i = 0; i < 100; i += 2) timers[i].reset();
  for (const std::int64_t due : {65'537, 65'700, 70'000, 140'000}) add(due);
  while (!wheel.Advance(200'000, 3)) {
  }
  EXPECT_EQ(fired.size(), 54U);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
  EXPECT_EQ(wheel.size(), 0U);
}

TEST(TimerWheel, TimesBeyondTheLastLevelAreKept) {
  TimerWheel wheel(12'345);
  std::vector<std::int64_t> fired;
  std::vector<std::unique_ptr<Timer>> timers;
  const std::int64_t dues[] = {49 * kDay, 50 * kDay, 99 * kDay, 365 * kDay, 3650 * kDay};
  for (const std::int64_t due : dues) {
    timers.push_back(std::make_unique<Timer>([&fired, due] { fired.push_back(due); }));
    wheel.Schedule(*timers.back(), due);
  }
  for (const std::int64_t due : dues) {
    EXPECT_TRUE(wheel.Advance(due - 1));
    ASSERT_TRUE(fired.empty() || fired.back() < due);
    EXPECT_TRUE(wheel.Advance(due));
    ASSERT_FALSE(fired.empty());
    EXPECT_EQ(fired.back(), due);
  }
}

// Random work on the wheel and on a std::multimap; they have to agree after every step.
TEST(TimerWheel, AgreesWithASortedMap) {
  struct Entry {
    std::unique_ptr<Timer> timer;
    std::multimap<std::int64_t, std::size_t>::iterator place;
  };
  const std::int64_t reaches[] = {3, 255, 256, 257, 65'535, 65'536, 20'000'000, 60 * kDay, 400 * kDay};
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    std::int64_t now = static_cast<std::int64_t>(random() % (std::uint64_t{1} << 36));
    TimerWheel wheel(now);
    std::multimap<std::int64_t, std::size_t> model;  // due → which
    std::vector<Entry> entries(64);
    std::int64_t last_due = 0;
    std::int64_t advancing_to = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entries[i].place = model.end();
      entries[i].timer = std::make_unique<Timer>([&, i] {
        const std::int64_t due = entries[i].timer->due_ms();
        ASSERT_NE(entries[i].place, model.end()) << "fired without being scheduled";
        ASSERT_EQ(entries[i].place->first, due);
        ASSERT_EQ(due, model.begin()->first) << "an earlier one was passed over";
        ASSERT_LE(due, advancing_to);
        ASSERT_GE(due, last_due);
        last_due = due;
        model.erase(entries[i].place);
        entries[i].place = model.end();
      });
    }
    bool caught_up = true;
    for (int step = 0; step < 3000; ++step) {
      Entry& entry = entries[random() % entries.size()];
      const auto reach = static_cast<std::uint64_t>(reaches[random() % std::size(reaches)]);
      switch (random() % 5) {
        case 0:
        case 1: {
          const std::int64_t due = now + static_cast<std::int64_t>(random() % reach) - 1;
          wheel.Schedule(*entry.timer, due);
          if (entry.place != model.end()) model.erase(entry.place);
          entry.place = model.emplace(entry.timer->due_ms(), &entry - entries.data());
          ASSERT_GE(entry.timer->due_ms(), due);
          if (caught_up) {
            ASSERT_EQ(entry.timer->due_ms(), std::max(due, now + 1));
          }
          break;
        }
        case 2:
          wheel.Cancel(*entry.timer);
          if (entry.place != model.end()) model.erase(std::exchange(entry.place, model.end()));
          break;
        case 3:
          now += static_cast<std::int64_t>(random() % reach);
          [[fallthrough]];
        default: {
          last_due = 0;
          advancing_to = now;
          const std::size_t limit = random() % 3 == 0 ? random() % 4 : 1024;
          const std::size_t before = wheel.size();
          caught_up = wheel.Advance(now, limit);
          ASSERT_LE(before - wheel.size(), limit);
          if (caught_up) {
            ASSERT_TRUE(model.empty() || model.begin()->first > now);
          }
          ASSERT_TRUE(caught_up || limit < 1024) << "enough to catch up";
        }
      }
      ASSERT_EQ(wheel.size(), model.size());
      const auto wake = wheel.NextWakeMs();
      ASSERT_EQ(wake.has_value(), !model.empty());
      if (wake) {
        ASSERT_LE(*wake, model.begin()->first) << "it would be woken too late";
      }
    }
  }
}

// Whoever sleeps until NextWakeMs each time meets every timer at its very millisecond, in few steps.
TEST(TimerWheel, FollowingNextWakeMeetsEveryTimerInTime) {
  std::mt19937_64 random(3);
  TimerWheel wheel(777);
  std::int64_t now = 777;
  std::size_t fired = 0;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t due =
        778 + static_cast<std::int64_t>(random() % (std::uint64_t{1} << (1 + random() % 33)));
    timers.push_back(std::make_unique<Timer>([&, due] {
      ++fired;
      ASSERT_EQ(now, due);
    }));
    wheel.Schedule(*timers.back(), due);
  }
  int steps = 0;
  while (const auto wake = wheel.NextWakeMs()) {
    ASSERT_GT(*wake, now);
    now = *wake;
    wheel.Advance(now);
    ASSERT_LT(++steps, 10'000);
  }
  EXPECT_EQ(fired, 1000U);
}

TEST(TimerWheel, AMillionTimers) {
  constexpr std::size_t kCount = 1'000'000;
  std::mt19937_64 random(1);
  TimerWheel wheel(0);
  std::size_t fired = 0;
  std::vector<std::unique_ptr<Timer>> timers;
  timers.reserve(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    timers.push_back(std::make_unique<Timer>([&fired] { ++fired; }));
    wheel.Schedule(*timers.back(), static_cast<std::int64_t>(random() % (10 * kDay)));
  }
  EXPECT_EQ(wheel.size(), kCount);
  while (!wheel.Advance(10 * kDay)) {
  }
  EXPECT_EQ(fired, kCount);
  EXPECT_EQ(wheel.size(), 0U);
}

}  // namespace
}  // namespace trunkline::retry
