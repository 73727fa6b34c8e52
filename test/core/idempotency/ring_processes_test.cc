// Several processes at one ring: who gets a claim, what a kill at a random moment breaks (nothing), and an
// opening that is cut off.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "idempotency/ring.h"
#include "idempotency/ring_support.h"
#include "idempotency/traced_child.h"
#include "support/manual_clock.h"
#include "support/temp_directory.h"

namespace trunkline::idempotency {
namespace {

using test::ManualClock;
using test::TempDirectory;
using test::TracedChild;

// Zeros that a test and its children see.
template <typename T>
class Shared {
 public:
  Shared()
      : value_(new (mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
                   T{}) {}
  ~Shared() { munmap(value_, sizeof(T)); }
  T* operator->() { return value_; }

 private:
  T* value_;
};

template <typename Work>
pid_t Start(Work work) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  return child;
}

int StatusOf(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) != child) continue;
  return status;
}

class RingProcesses : public testing::Test {
 protected:
  Ring Open(std::size_t capacity, int owner, bool alone = false) {
    Ring ring =
        std::move(Ring::Map(path_, {capacity}, clock_, {.owner = owner, .alone = alone, .boot_id = kBoot}))
            .value();
    if (alone) ring.MarkRestored();
    return ring;
  }

  TempDirectory directory_;
  std::string path_ = directory_.path("ring");
  ManualClock clock_;
};

TEST_F(RingProcesses, OfAllThatClaimAnIdOneGetsIt) {
  constexpr int kProcesses = 4;
  constexpr std::size_t kIds = 100'000;
  struct Board {
    std::atomic<bool> go;
    std::array<std::atomic<std::uint8_t>, kIds> claims;
    std::array<std::atomic<std::size_t>, kProcesses> claimed_by;
  };
  Shared<Board> board;
  Ring ring = Open(kIds, 100, true);
  std::vector<pid_t> children;
  for (int owner = 0; owner < kProcesses; ++owner) {
    children.push_back(Start([&, owner] {
      Ring own = Open(kIds, owner);
      while (!board->go) sched_yield();
      for (std::size_t i = 0; i < kIds; ++i) {
        const auto claim = own.TryClaim(std::to_string(i));
        if (!claim.ok()) _exit(1);
        if (*claim != Claim::kClaimed) continue;
        ++board->claims[i];
        ++board->claimed_by[static_cast<std::size_t>(owner)];
      }
    }));
  }
  board->go = true;
  for (const pid_t child : children) EXPECT_EQ(StatusOf(child), 0);
  std::size_t total = 0;
  for (const auto& count : board->claimed_by) total += count;
  EXPECT_EQ(total, kIds);
  for (std::size_t i = 0; i < kIds; ++i) ASSERT_EQ(board->claims[i], 1) << i;
  EXPECT_EQ(ring.size(), kIds);
  EXPECT_EQ(CheckRingFile(path_, kIds, RingOptions{}.ttl_ms), "");
}

TEST_F(RingProcesses, OneObjectIsForManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kIds = 5'000;
  Ring ring = Open(kIds, 0, true);
  std::atomic<int> claimed = 0;
  std::atomic<int> completed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kIds; ++i) {
        const std::string id = std::to_string(i);
        if (*ring.TryClaim(id) == Claim::kClaimed) ++claimed;
        ring.MarkStored(id);
        if (ring.Complete(id)) ++completed;
        ring.Look(id);
        ring.size();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(claimed, kIds);
  EXPECT_EQ(completed, kIds);
  EXPECT_EQ(CheckRingFile(path_, kIds, RingOptions{}.ttl_ms), "");
}

// Workers claim events, write rows and complete them, as a service does with its store, and are killed at it.
// The test is the process that lives: it takes over what they leave, and ends it.
class Rows {
 public:
  static constexpr std::size_t kEvents = 30'000;
  enum : std::uint32_t { kNone = 0, kFinished = 1000 };  // between: unfinished, 1 + its owner

  std::array<std::atomic<std::uint32_t>, kEvents> rows;
  std::atomic<bool> stop;
  std::atomic<std::size_t> claims;
  std::atomic<std::size_t> allowed;  // claims, until more are
  std::atomic<std::size_t> mistakes;

  void Expect(bool right) { mistakes += right ? 0 : 1; }

  bool AllFinished() const {
    return std::all_of(rows.begin(), rows.end(), [](const auto& row) { return row == kFinished; });
  }

  void Finish(Ring& ring, std::size_t event) {
    rows[event] = kFinished;
    Expect(ring.Complete(std::to_string(event)));
  }

  // Takes events at random, and gives way to the others now and then.
  void Work(Ring& ring, std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto unfinished = static_cast<std::uint32_t>(1 + ring.owner());
    std::vector<std::size_t> left;
    while (!stop) {
      if (random() % 64 == 0) sched_yield();
      const std::size_t event = random() % kEvents;
      if (claims >= allowed) {
        ring.Look(std::to_string(event));
        continue;
      }
      const auto claim = ring.TryClaim(std::to_string(event));
      if (!claim.ok()) return Expect(false);
      if (*claim == Claim::kDone) Expect(rows[event] == kFinished);
      if (*claim != Claim::kClaimed) {
        if (left.empty()) continue;
        Finish(ring, left.back());
        left.pop_back();
        continue;
      }
      ++claims;
      if (random() % 16 == 0) {
        Expect(ring.Release(std::to_string(event)));
        continue;
      }
      Expect(rows[event].exchange(unfinished) == kNone);  // else it was claimed twice
      Expect(ring.MarkStored(std::to_string(event)));
      if (random() % 4 == 0) {
        left.push_back(event);
      } else {
        Finish(ring, event);
      }
    }
  }

  void TakeOver(Ring& ring, int from) {
    std::vector<std::string> ids;
    ids.reserve(kEvents);
    std::vector<KnownId> known;
    std::vector<std::size_t> mine;
    for (std::size_t event = 0; event < kEvents; ++event) {
      const std::uint32_t row = rows[event];
      const bool left = row == static_cast<std::uint32_t>(1 + from);
      if (!left && row != kFinished) continue;
      ids.push_back(std::to_string(event));
      known.push_back({ids.back(), row == kFinished, ManualClock().wall_ms});
      if (left) mine.push_back(event);
    }
    ring.TakeOver(from, known);
    for (const std::size_t event : mine) Finish(ring, event);
  }
};

TEST_F(RingProcesses, AKillAtARandomMomentLosesAndDoublesNothing) {
  constexpr int kWorkers = 3;
  constexpr int kRounds = 40;
  constexpr std::size_t kCapacity = 32'768;
  Shared<Rows> rows;
  Ring ring = Open(kCapacity, 100, true);
  std::array<pid_t, kWorkers> workers{};
  std::mt19937 random(7);
  const auto start = [&](int worker) {
    const std::uint32_t seed = static_cast<std::uint32_t>(random());
    return Start([&, worker, seed] {
      Ring own = Open(kCapacity, worker);
      rows->Work(own, seed);
    });
  };
  for (int worker = 0; worker < kWorkers; ++worker) workers[static_cast<std::size_t>(worker)] = start(worker);
  for (int round = 0; round < kRounds; ++round) {
    // A random piece of work later, and a random number of instructions after that.
    const std::size_t until = rows->claims + random() % 600;
    rows->allowed = until + 50;
    while (rows->claims < until) sched_yield();
    for (auto spin = random() % 2000; spin > 0; --spin) std::atomic_signal_fence(std::memory_order_seq_cst);
    const int killed = 1 + round % kWorkers;  // of those, so that others often are left to find it out
    for (int worker = 0; worker < killed; ++worker) kill(workers[static_cast<std::size_t>(worker)], SIGKILL);
    for (int worker = 0; worker < killed; ++worker) {
      StatusOf(workers[static_cast<std::size_t>(worker)]);
      rows->TakeOver(ring, worker);
      workers[static_cast<std::size_t>(worker)] = start(worker);
    }
  }
  EXPECT_FALSE(rows->AllFinished());
  rows->allowed = std::numeric_limits<std::size_t>::max();
  while (!rows->AllFinished()) sched_yield();
  rows->stop = true;
  for (const pid_t worker : workers) {
    const int status = StatusOf(worker);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  EXPECT_EQ(rows->mistakes, 0U);
  for (std::size_t event = 0; event < Rows::kEvents; ++event) {
    ASSERT_EQ(LookAt(ring, std::to_string(event)), "done") << event;
  }
  EXPECT_EQ(ring.size(), Rows::kEvents);
  EXPECT_EQ(ring.evicted(), 0U);
  EXPECT_EQ(CheckRingFile(path_, kCapacity, RingOptions{}.ttl_ms), "");
}

// Between any two system calls of an opening that replaces a file: the old one is there or the new one, never
// half of it.
TEST_F(RingProcesses, AnOpeningThatIsCutOff) {
  bool saw_old = false;
  bool saw_new = false;
  for (int calls = 1;; ++calls) {
    std::filesystem::remove(path_);
    {
      Ring old = Open(8, 0, true);
      ASSERT_EQ(Try(old, "a"), "claimed");
    }
    TracedChild child(TracedChild::Stride::kSystemCall, [&] { Open(9, 0, true); });
    if (!child.ok()) GTEST_SKIP() << "processes may not be traced here";
    int left = calls;
    while (left > 0 && child.Step()) --left;
    if (left > 0) break;
    child.Kill();
    const auto found = Ring::Map(path_, {8}, clock_, {.owner = 1, .alone = false, .boot_id = kBoot});
    if (found.ok()) {
      saw_old = true;
    } else {
      saw_new = true;
      ASSERT_EQ(found.error().code, ErrorCode::kConfigInvalid) << found.error().message;
    }
    Ring next = Open(8, 0, true);
    ASSERT_EQ(LookAt(next, "a"), found.ok() ? "0's" : "-") << "after system call " << calls;
    ASSERT_FALSE(std::filesystem::exists(path_ + ".new") && saw_new);
  }
  EXPECT_TRUE(saw_old);
  EXPECT_TRUE(saw_new);
}

}  // namespace
}  // namespace trunkline::idempotency
