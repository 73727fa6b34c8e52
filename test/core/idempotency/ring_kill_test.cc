// A process is killed at work on the ring: after every single store, and in every system call of its opening.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "idempotency/ring.h"
#include "idempotency/ring_support.h"
#include "idempotency/traced_child.h"
#include "support/manual_clock.h"
#include "support/temp_directory.h"

// A stepped thread sanitizer would take minutes; an exclusive load and store never ends when it is stepped.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

namespace trunkline::idempotency {
namespace {

using test::ManualClock;
using test::TempDirectory;
using test::TracedChild;

using Ids = std::map<std::string, std::string>;  // id → LookAt

struct Scenario {
  std::string name;
  std::function<void(Ring&, ManualClock&)> before;
  std::function<void(Ring&)> work;  // by the same owner, 1, who is killed at it
};
void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

constexpr RingOptions kOptions{24, 1000, SipKey{5, 6}};
constexpr int kIds = 30;

void Fill(Ring& ring, int from, int to) {
  for (int i = from; i < to; ++i) ASSERT_EQ(Try(ring, std::to_string(i)), "claimed");
}

// A ring of two owners, of whom the first works, traced.
class Stage {
 public:
  explicit Stage(const Scenario& scenario) : work_(scenario.work) { scenario.before(worker_, clock_); }

  // Does the work, and looks after each store into the file; stops when `look` says false. False when
  // processes may not be traced here.
  bool Work(const std::function<bool()>& look) {
    TracedChild child(TracedChild::Stride::kInstruction, [this] { work_(worker_); });
    if (!child.ok()) return false;
    std::string seen = Bytes();
    while (child.Step()) {
      if (std::memcmp(seen.data(), Start(), seen.size()) == 0) continue;
      if (!look()) break;
      seen = Bytes();
    }
    return true;
  }

  // What the next start makes of the file as it is at this moment.
  Ring AsTheNextStartFindsIt() {
    std::ofstream(copy_, std::ios::binary) << Bytes();
    return Open(copy_, 2, true);
  }
  void NextWork(std::function<void(Ring&)> work) { work_ = std::move(work); }
  Ring& other() { return other_; }
  const std::string& path() const { return path_; }
  const std::string& copy() const { return copy_; }

  static Ids StatesIn(Ring& ring) {
    Ids states;
    for (int i = 0; i < kIds; ++i) states[std::to_string(i)] = LookAt(ring, std::to_string(i));
    return states;
  }

 private:
  Ring Open(const std::string& path, int owner, bool alone) {
    Ring ring = std::move(Ring::Map(path, kOptions, clock_, {owner, alone, kBoot})).value();
    if (path == path_) ring.MarkRestored();
    return ring;
  }
  const char* Start() const {
    return reinterpret_cast<const char*>(file_.block()) - (file_.bytes() - Layout::Bytes(24));
  }
  std::string Bytes() const { return {Start(), file_.bytes()}; }

  std::function<void(Ring&)> work_;
  TempDirectory directory_;
  std::string path_ = directory_.path("ring");
  std::string copy_ = directory_.path("copy");
  ManualClock clock_;
  Ring worker_ = Open(path_, 1, true);
  Ring other_ = Open(path_, 2, false);
  RingFile file_ = std::move(RingFile::Open(path_, {24, 1000, kBoot})).value();
};

constexpr char kNoTracing[] = "processes may not be traced here";

// What every id may be: as it was or as it would have been, nothing between.
class Outcome {
 public:
  explicit Outcome(const Scenario& scenario) {
    Stage idle(scenario);
    before_ = Stage::StatesIn(idle.other());
    Stage whole(scenario);
    traceable_ = whole.Work([] { return true; });
    after_ = Stage::StatesIn(whole.other());
  }
  bool traceable() const { return traceable_; }

  // Also, the ring works on.
  void Expect(Ring& ring, const std::string& path) {
    EXPECT_FALSE(ring.fresh());
    const Ids states = Stage::StatesIn(ring);
    for (const auto& [id, state] : states) {
      EXPECT_TRUE(state == before_[id] || state == after_[id]) << "id " << id << ": " << state;
    }
    saw_before_ = saw_before_ || states == before_;
    saw_after_ = saw_after_ || states == after_;
    EXPECT_EQ(CheckRingFile(path, kOptions.capacity, kOptions.ttl_ms), "");
    for (int i = 0; i < 60 && ring.TryClaim("more" + std::to_string(i)).ok(); ++i) {
      EXPECT_TRUE(ring.Complete("more" + std::to_string(i)));
    }
    EXPECT_EQ(CheckRingFile(path, kOptions.capacity, kOptions.ttl_ms), "");
  }
  void ExpectBothSeen() const {
    EXPECT_TRUE(saw_before_);
    EXPECT_TRUE(saw_after_);
  }

 private:
  Ids before_;
  Ids after_;
  bool traceable_;
  bool saw_before_ = false;
  bool saw_after_ = false;
};

class RingKilled : public testing::TestWithParam<Scenario> {};

// The file as a kill -9 after any store leaves it, read by the next start.
TEST_P(RingKilled, TheNextStart) {
  Outcome outcome(GetParam());
  if (!outcome.traceable()) GTEST_SKIP() << kNoTracing;
  Stage stage(GetParam());
  int stores = 0;
  stage.Work([&] {
    ++stores;
    Ring ring = stage.AsTheNextStartFindsIt();
    outcome.Expect(ring, stage.copy());
    return !HasFailure();
  });
  EXPECT_FALSE(HasFailure()) << "after store " << stores;
  outcome.ExpectBothSeen();
}

const Scenario kScenarios[] = {
    {"ClaimOfAnUnusedSlot", [](Ring& ring, ManualClock&) { Fill(ring, 0, 3); },
     [](Ring& ring) { Fill(ring, 3, 4); }},
    {"ClaimOfAFreedSlot",
     [](Ring& ring, ManualClock&) {
       Fill(ring, 0, 5);
       ring.Release("1");
       ring.Release("3");
     },
     [](Ring& ring) { Fill(ring, 6, 7); }},
    {"ClaimThatEvicts",
     [](Ring& ring, ManualClock&) {
       Fill(ring, 0, 24);
       for (const char* id : {"7", "3", "20"}) ring.Complete(id);
     },
     [](Ring& ring) { Fill(ring, 25, 26); }},
    {"ClaimAfterSomeHaveExpired",
     [](Ring& ring, ManualClock& clock) {
       Fill(ring, 0, 6);
       for (const char* id : {"2", "4"}) ring.Complete(id);
       clock.Advance(500);
       Fill(ring, 6, 12);
       ring.Complete("7");
       clock.Advance(500);
     },
     [](Ring& ring) { Fill(ring, 2, 3); }},
    {"ClaimAfterAPauseThatForgetsAll",
     [](Ring& ring, ManualClock& clock) {
       Fill(ring, 0, 20);
       clock.Advance(std::int64_t{1} << 30);  // a slot's tick comes round, and looks like now
     },
     [](Ring& ring) { Fill(ring, 3, 4); }},
    {"ClaimInARingThatWasEmptiedOnce",
     [](Ring& ring, ManualClock& clock) {
       Fill(ring, 0, 20);
       clock.Advance(5000);
       Fill(ring, 4, 5);
     },
     [](Ring& ring) { Fill(ring, 5, 6); }},
    {"Release", [](Ring& ring, ManualClock&) { Fill(ring, 0, 20); }, [](Ring& ring) { ring.Release("2"); }},
    {"MarkStored", [](Ring& ring, ManualClock&) { Fill(ring, 0, 3); },
     [](Ring& ring) { ring.MarkStored("1"); }},
    {"Restore", [](Ring& ring, ManualClock& clock) { ring.Restore("1", true, clock.wall_ms - 500); },
     [](Ring& ring) { ring.Restore("2", true, ManualClock().wall_ms - 400); }},
};

INSTANTIATE_TEST_SUITE_P(Ring, RingKilled, testing::ValuesIn(kScenarios),
                         [](const auto& scenario) { return scenario.param.name; });

const Scenario kComplete = {"Complete", [](Ring& ring, ManualClock&) { Fill(ring, 0, 5); },
                            [](Ring& ring) { ring.Complete("2"); }};

// Returns false when the work was over before.
bool KillAfter(Stage& stage, int stores) {
  stage.Work([&] { return --stores > 0; });
  return stores == 0;
}

// A real kill -9 after any store; whoever lives on finds the lock in a dead hand.
TEST(RingKilledBeside, AnotherThatLivesOn) {
  Outcome outcome(kComplete);
  if (!outcome.traceable()) GTEST_SKIP() << kNoTracing;
  for (int stores = 1;; ++stores) {
    Stage stage(kComplete);
    if (!KillAfter(stage, stores)) break;
    outcome.Expect(stage.other(), stage.path());
    ASSERT_FALSE(HasFailure()) << "after store " << stores;
  }
  outcome.ExpectBothSeen();
}

// The second one is killed too, after any store of its repair of what the first left.
TEST(RingKilledBeside, AnotherThatIsKilledAtItsRepair) {
  Outcome outcome(kComplete);
  if (!outcome.traceable()) GTEST_SKIP() << kNoTracing;
  Stage stage(kComplete);
  ASSERT_TRUE(KillAfter(stage, 10));
  stage.NextWork([](Ring& ring) { ring.Look("2"); });
  int stores = 0;
  stage.Work([&] {
    ++stores;
    Ring ring = stage.AsTheNextStartFindsIt();
    outcome.Expect(ring, stage.copy());
    return !HasFailure();
  });
  EXPECT_FALSE(HasFailure()) << "after store " << stores;
  EXPECT_GT(stores, 20) << "it has repaired nothing";
}

TEST(RingKilledBeside, AThirdThatRepairsTheRepair) {
  Outcome outcome(kComplete);
  if (!outcome.traceable()) GTEST_SKIP() << kNoTracing;
  Stage stage(kComplete);
  ASSERT_TRUE(KillAfter(stage, 10));
  stage.NextWork([](Ring& ring) { ring.Look("2"); });
  ASSERT_TRUE(KillAfter(stage, 15));
  outcome.Expect(stage.other(), stage.path());
}

// A take-over has steps between; repeated, it ends as if it had been done at once.
TEST(RingKilledBeside, ATakeOverIsBegunAnew) {
  std::vector<KnownId> known;
  const std::string ids[] = {"0", "1", "2", "3", "4", "5"};
  for (int i = 0; i < 4; ++i) known.push_back({ids[i], i % 2 == 0, ManualClock().wall_ms});
  Stage stage({"TakeOver",
               [](Ring& ring, ManualClock&) {
                 Fill(ring, 0, 3);
                 Fill(ring, 4, 6);
                 for (const char* id : {"0", "1", "4"}) ring.MarkStored(id);
               },
               [&](Ring& ring) { ring.TakeOver(1, known); }});
  const std::string settled[] = {"done", "2's, stored", "done", "2's, stored", "-", "-"};
  int stores = 0;
  const bool traced = stage.Work([&] {
    ++stores;
    Ring ring = stage.AsTheNextStartFindsIt();
    ring.TakeOver(1, known);
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(LookAt(ring, ids[i]), settled[i]) << i;
    }
    EXPECT_EQ(CheckRingFile(stage.copy(), kOptions.capacity, kOptions.ttl_ms), "");
    return !HasFailure();
  });
  if (!traced) GTEST_SKIP() << kNoTracing;
  EXPECT_FALSE(HasFailure()) << "after store " << stores;
  EXPECT_GT(stores, 50);
}

}  // namespace
}  // namespace trunkline::idempotency

#endif
