// The engine: one for all who hold it, gone with the last, and a mailbox that keeps its order.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "support/inbox.h"

namespace trunkline::engine {
namespace {

std::shared_ptr<Engine> Acquire() {
  auto engine = Engine::Acquire();
  EXPECT_TRUE(engine.ok());
  return engine.ok() ? *engine : nullptr;
}

std::thread::id ThreadOf(Engine& engine) {
  std::thread::id id;
  engine.RunAndWait([&] { id = std::this_thread::get_id(); });
  return id;
}

TEST(Engine, IsSharedByAllWhoHoldIt) {
  const auto first = Acquire();
  const auto second = Acquire();
  EXPECT_EQ(first.get(), second.get());
  EXPECT_EQ(ThreadOf(*first), ThreadOf(*second));
  EXPECT_NE(ThreadOf(*first), std::this_thread::get_id());
}

TEST(Engine, EndsWithItsLastHolderAndStartsAgain) {
  for (int i = 0; i < 5; ++i) {
    auto engine = Acquire();
    const std::weak_ptr<Engine> seen = engine;
    auto another = engine;
    engine.reset();
    EXPECT_FALSE(seen.expired());
    int ran = 0;
    another->RunAndWait([&] { ++ran; });
    EXPECT_EQ(ran, 1);
    another.reset();
    EXPECT_TRUE(seen.expired());
  }
}

TEST(Engine, ManyThreadsAcquireAndLetGoAtOnce) {
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) Acquire()->RunAndWait([&] { ++ran; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, 200);
}

TEST(Engine, JobsOfEachThreadRunInTheOrderOfPosting) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5000;
  const auto engine = Acquire();
  std::vector<int> next(kThreads, 0);  // touched on the engine thread only
  bool in_order = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        engine->Post([&, t, i] { in_order = in_order && next[static_cast<std::size_t>(t)]++ == i; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  engine->RunAndWait([&] {
    EXPECT_TRUE(in_order);
    for (const int count : next) EXPECT_EQ(count, kEach);
  });
}

TEST(Engine, AJobMayPostAnother) {
  const auto engine = Acquire();
  const auto done = test::MakeInbox<int>();
  Engine* raw = engine.get();
  engine->Post([=] { raw->Post([=] { raw->Post([=] { done->Push(3); }); }); });
  EXPECT_EQ(done->Take(), 3);
}

TEST(Engine, RunAndWaitHasRunWhenItReturns) {
  const auto engine = Acquire();
  int value = 0;
  engine->Post([&] { value = 1; });
  engine->RunAndWait([&] { value = value == 1 ? 2 : -1; });
  EXPECT_EQ(value, 2);
}

TEST(Engine, WhatAJobHoldsGoesWhenItHasRun) {
  const auto engine = Acquire();
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  engine->Post([held = std::move(held)] {});
  bool gone = false;
  engine->RunAndWait([&] { gone = seen.expired(); });
  EXPECT_TRUE(gone);
}

TEST(Engine, JobsPostedBeforeTheEndAreRun) {
  std::atomic<int> ran{0};
  auto engine = Acquire();
  for (int i = 0; i < 1000; ++i) engine->Post([&] { ++ran; });
  engine.reset();
  EXPECT_EQ(ran, 1000);
}

// A job that runs while the engine ends posts others: those are dropped, with what they hold, and the end is
// not put off.
TEST(Engine, JobsPostedDuringTheEndAreDropped) {
  auto engine = Acquire();
  Engine* raw = engine.get();
  std::promise<void> begun;
  std::atomic<bool> ran{false};
  bool dropped = false;
  engine->Post([&, raw] {
    begun.set_value();
    const auto too_late = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!dropped && std::chrono::steady_clock::now() < too_late) {
      auto held = std::make_shared<int>(1);
      const std::weak_ptr<int> seen = held;
      raw->Post([held = std::move(held)] {});
      dropped = seen.expired();  // from then on the engine is ending
      std::this_thread::yield();
    }
    raw->Post([&] { ran = true; });
  });
  begun.get_future().wait();
  engine.reset();
  EXPECT_TRUE(dropped);
  EXPECT_FALSE(ran);
}

TEST(Engine, TimersFireInOrderOnItsThread) {
  const auto engine = Acquire();
  const auto fired = test::MakeInbox<int>();
  std::vector<std::unique_ptr<retry::Timer>> timers;  // touched on the engine thread only
  const std::thread::id thread = ThreadOf(*engine);
  engine->RunAndWait([&] {
    const std::int64_t now = engine->context().clock->MonotonicMs();
    for (const int wait : {20, 1, 0, 10}) {
      timers.push_back(std::make_unique<retry::Timer>(
          [=] { fired->Push(std::this_thread::get_id() == thread ? wait : -1); }));
      engine->context().timers->Schedule(*timers.back(), now + wait + (wait > 0 ? 1 : 0));
    }
  });
  for (const int expected : {0, 1, 10, 20}) EXPECT_EQ(fired->Take(), expected);
  engine->RunAndWait([&] { timers.clear(); });
}

TEST(Engine, ATimerFiresNotBeforeItsTime) {
  const auto engine = Acquire();
  const auto late_by = test::MakeInbox<std::int64_t>();
  std::unique_ptr<retry::Timer> timer;
  engine->RunAndWait([&] {
    net::Context& context = engine->context();
    const std::int64_t due = context.clock->MonotonicMs() + 30;
    timer =
        std::make_unique<retry::Timer>([=, &context] { late_by->Push(context.clock->MonotonicMs() - due); });
    context.timers->Schedule(*timer, due);
  });
  EXPECT_GE(late_by->Take().value_or(-1), 0);
  engine->RunAndWait([&] { timer.reset(); });
}

// More than one turn's limit at once: the rest fires in the next turns, and other work gets in between. Also
// where the wheel first has to move them to a finer level.
TEST(Engine, ManyTimersOfOneMoment) {
  for (const std::int64_t wait_ms : {0, 300}) {
    const auto engine = Acquire();
    const auto done = test::MakeInbox<int>();
    int fired = 0;
    std::vector<std::unique_ptr<retry::Timer>> timers;
    engine->RunAndWait([&] {
      const std::int64_t due_ms = engine->context().clock->MonotonicMs() + wait_ms;
      for (int i = 0; i < 5000; ++i) {
        timers.push_back(std::make_unique<retry::Timer>([&] {
          if (++fired == 5000) done->Push(fired);
        }));
        engine->context().timers->Schedule(*timers.back(), due_ms);
      }
    });
    EXPECT_EQ(done->Take(), 5000);
    engine->RunAndWait([&] { timers.clear(); });
  }
}

}  // namespace
}  // namespace trunkline::engine
