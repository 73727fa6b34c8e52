// The idempotency ring: which ids have been seen within their lifetime, in memory that is allocated once and
// never grows. An id is remembered as a keyed 96-bit hash (SipHash-2-4 with a key that no sender knows), so
// that ids of any length cost the same, none can be chosen to collide, and a false "seen" is less likely than
// 1 in 10^20 a claim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "idempotency/siphash.h"

namespace trunkline::idempotency {

enum class Claim : std::uint8_t { kClaimed, kInFlight, kDone };

struct RingOptions {
  std::size_t capacity = 0;          // ids, 1 … kMaxCapacity
  std::int64_t ttl_ms = 86'400'000;  // lifetime of an id, 1 … kMaxTtlMs; an id lives this long, and at most
                                     // 1/4096 of it (or 1 ms) longer
  std::optional<SipKey> key{};       // of the hash; without one, the system gives it
};

constexpr std::size_t kMaxCapacity = std::size_t{1} << 27;
constexpr std::size_t kMaxBytesPerSlot = 32;
constexpr std::int64_t kMaxTtlMs = std::int64_t{1} << 40;  // 34 years

// Every operation takes constant time, except that the first one after a pause forgets more of what expired
// meanwhile (at most some 2000 ids singly, or everything at a stroke). Not for two threads at once: whoever
// shares a ring guards it.
//
// Expiry needs no timer: each operation forgets a few ids whose lifetime is over, and never answers from one
// that it meets. The wall clock counts (a frozen process ages its ids); when it goes back, time stands still
// here until it has caught up.
class Ring {
 public:
  // CONFIG_INVALID for a capacity or lifetime out of range, or when the memory is not there. `clock` outlives
  // the ring. Touches all of its memory, so that no later operation waits for a page.
  static Result<Ring> Create(const RingOptions& options, const Clock& clock);
  Ring(Ring&&) noexcept;
  Ring& operator=(Ring&&) noexcept;
  ~Ring();

  // kClaimed: the caller is to do the work and then Complete() or Release() the id. The lifetime runs from
  // here. At capacity the entry that was completed first gives way; entries in flight never do within their
  // lifetime: QUEUE_FULL when all are.
  Result<Claim> TryClaim(std::string_view id);

  // In flight → done; the lifetime runs anew. False when the id is not in flight (any more).
  bool Complete(std::string_view id);

  // In flight → forgotten, so that it can be claimed again. False when the id is not in flight (any more).
  bool Release(std::string_view id);

  // Remembers an id from an earlier run. `at_ms` (wall clock) is when it was completed or claimed; one past
  // its lifetime is not taken, one in the future counts as now. Ids are restored oldest first, before the
  // first claim; one out of order is taken to be as old as the one before it. False when it was not taken,
  // there was no room, or it is known already.
  bool Restore(std::string_view id, bool done, std::int64_t at_ms);

  // Ids remembered, whether in flight or done. Ids that expired since the last operation still count.
  std::size_t size() const;
  std::size_t capacity() const;
  std::size_t memory_bytes()
      const;  // everything this ring holds: ≤ kMaxBytesPerSlot × capacity + a small constant
  std::uint64_t evicted() const;  // done ids that gave way before their lifetime ended

 private:
  struct State;
  explicit Ring(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace trunkline::idempotency
