// The ring, in memory and in a file: random work against a model that is too simple to be wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <limits>
#include <random>
#include <string>

#include "idempotency/ring.h"
#include "idempotency/ring_support.h"
#include "support/manual_clock.h"
#include "support/temp_directory.h"

namespace trunkline::idempotency {
namespace {

using test::ManualClock;
using test::TempDirectory;

// What the ring promises, with a list in place of every cleverness. Lifetimes under 4096 ms, where ticks are
// 1 ms and nothing is rounded; capacities up to the sweep's 16, so that whatever expired is gone after any
// operation.
class Model {
 public:
  Model(std::size_t capacity, std::int64_t ttl_ms) : capacity_(capacity), ttl_ms_(ttl_ms) {}

  void Advance(std::int64_t wall_ms) {
    now_ = std::max(now_, wall_ms);
    std::erase_if(entries_, [&](const Entry& entry) { return now_ - entry.at >= ttl_ms_; });
  }
  std::string Try(const std::string& id) {
    if (const auto found = Find(id); found != entries_.end()) return found->done ? "done" : "in-flight";
    if (entries_.size() == capacity_) {
      const auto oldest =
          std::find_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.done; });
      if (oldest == entries_.end()) return "QUEUE_FULL";
      entries_.erase(oldest);
      ++evicted;
    }
    entries_.push_back({id, now_, false});
    return "claimed";
  }
  bool Complete(const std::string& id) {
    if (!Release(id)) return false;
    entries_.push_back({id, now_, true});
    return true;
  }
  bool Release(const std::string& id) {
    const auto found = Find(id);
    if (found == entries_.end() || found->done) return false;
    entries_.erase(found);
    return true;
  }
  std::size_t size() const { return entries_.size(); }
  bool IsAheadOf(std::int64_t wall_ms) const { return now_ > wall_ms; }
  std::uint64_t evicted = 0;

 private:
  struct Entry {
    std::string id;
    std::int64_t at;
    bool done;
  };
  std::deque<Entry>::iterator Find(const std::string& id) {
    return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.id == id; });
  }
  std::deque<Entry> entries_;  // in the order of claim or completion
  std::size_t capacity_;
  std::int64_t ttl_ms_;
  std::int64_t now_ = std::numeric_limits<std::int64_t>::min();
};

const RingShare kAlone{.owner = 0, .alone = true, .boot_id = kBoot};

enum class Place { kMemory, kFile };

class RingModel : public testing::TestWithParam<Place> {
 protected:
  Ring Make(std::size_t capacity, std::int64_t ttl_ms, SipKey key, const Clock& clock) {
    const RingOptions options{capacity, ttl_ms, key};
    if (GetParam() == Place::kMemory) return std::move(Ring::Create(options, clock)).value();
    std::filesystem::remove(path_);
    Ring ring = std::move(Ring::Map(path_, options, clock, kAlone)).value();
    ring.MarkRestored();
    return ring;
  }
  // As a process does that was killed and starts again.
  void Reopen(Ring& ring, std::int64_t ttl_ms, const Clock& clock) {
    const RingOptions options{ring.capacity(), ttl_ms};
    ring = std::move(Ring::Map(path_, options, clock, kAlone)).value();
    ASSERT_FALSE(ring.fresh());
  }
  std::string Check(const Ring& ring, std::int64_t ttl_ms) {
    return GetParam() == Place::kMemory ? "" : CheckRingFile(path_, ring.capacity(), ttl_ms);
  }

  TempDirectory directory_;
  std::string path_ = directory_.path("ring");
};

INSTANTIATE_TEST_SUITE_P(Ring, RingModel, testing::Values(Place::kMemory, Place::kFile),
                         [](const auto& place) {
                           return std::string(place.param == Place::kMemory ? "Memory" : "File");
                         });

TEST_P(RingModel, Agrees) {
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t bound) { return random() % bound; };
    ManualClock clock;
    const std::size_t capacity = 1 + below(16);
    const std::int64_t ttl_ms = 1 + below(below(2) ? 50 : 4000);
    Ring ring = Make(capacity, ttl_ms, SipKey{seed, ~std::uint64_t{seed}}, clock);
    Model model(capacity, ttl_ms);
    model.Advance(clock.wall_ms);
    const std::uint32_t ids = 1 + below(40);
    // A repair forgets the order within a tick. With room for all ids nobody can tell.
    const bool reopens = GetParam() == Place::kFile && capacity >= ids;
    for (int step = 0; step < 1500; ++step) {
      switch (below(20)) {
        case 0:
          clock.Advance(below(static_cast<std::uint32_t>(ttl_ms) + 2));
          break;
        case 1:
          clock.Advance(-static_cast<std::int64_t>(below(100)));
          break;
        case 2:
          if (below(10) == 0) clock.Advance(ttl_ms + below(3));
          if (below(100) == 0) clock.Advance((std::int64_t{1} << 31) + below(100) - 50);
          break;
        default:
          clock.Advance(below(3));
          break;
      }
      const std::string id = std::to_string(below(ids));
      model.Advance(clock.wall_ms);
      if (reopens && below(20) == 0 && !model.IsAheadOf(clock.wall_ms)) Reopen(ring, ttl_ms, clock);
      switch (below(5)) {
        case 0:
          ASSERT_EQ(ring.Complete(id), model.Complete(id)) << "seed " << seed << " step " << step;
          break;
        case 1:
          ASSERT_EQ(ring.Release(id), model.Release(id)) << "seed " << seed << " step " << step;
          break;
        default:
          ASSERT_EQ(Try(ring, id), model.Try(id)) << "seed " << seed << " step " << step;
          break;
      }
      ASSERT_EQ(ring.size(), model.size()) << "seed " << seed << " step " << step;
      ASSERT_EQ(ring.evicted(), model.evicted) << "seed " << seed << " step " << step;
    }
    ASSERT_EQ(Check(ring, ttl_ms), "") << "seed " << seed;
  }
}

TEST_P(RingModel, AgreesOnLongProbes) {
  // Larger, with many deletions in the middle of clusters; no expiry, so that the model stays exact past the
  // sweep.
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    ManualClock clock;
    Ring ring = Make(200, 4000, SipKey{seed, 7}, clock);
    Model model(200, 4000);
    model.Advance(clock.wall_ms);
    for (int step = 0; step < 20'000; ++step) {
      const std::string id = std::to_string(random() % 400);
      switch (random() % 6) {
        case 0:
          ASSERT_EQ(ring.Complete(id), model.Complete(id));
          break;
        case 1:
          ASSERT_EQ(ring.Release(id), model.Release(id));
          break;
        default:
          ASSERT_EQ(Try(ring, id), model.Try(id)) << "seed " << seed << " step " << step;
          break;
      }
      ASSERT_EQ(ring.size(), model.size());
    }
    ASSERT_EQ(Check(ring, 4000), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace trunkline::idempotency
