// The idempotency ring: which ids have been seen within their lifetime, in memory that is allocated once and
// never grows: of one process, or a file that several processes of a machine map. An id is remembered as a
// keyed 88-bit hash (of SipHash-2-4, with a key that no sender knows), so that ids of any length cost the
// same and none can be chosen to collide. A new id is taken for a seen one with a probability of (ids
// remembered) / 2^88 a claim: 1 in 10^20 with a million, 1 in 10^18 with the most there can be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
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
constexpr int kMaxOwners = 128;

// CONFIG_INVALID for a capacity or lifetime out of range.
Status CheckOptions(const RingOptions& options);

// A process's part in a mapped ring.
struct RingShare {
  int owner = 0;                         // its number, 0 … kMaxOwners - 1, that no other living process has
  bool alone = false;                    // nobody else has the file mapped
  std::optional<std::string> boot_id{};  // the machine's run; without one, the system says
};

// What a ring knows of an id.
struct Entry {
  bool done;
  int owner;    // who claimed it; 0 in a ring that is not mapped
  bool stored;  // the event is on disk
};

// What the stored rows know of an id.
struct KnownId {
  std::string_view id;
  bool done;
  std::int64_t at_ms;  // wall clock, when it was completed or claimed
};

// Every operation takes constant time, except that the first one after a pause forgets more of what expired
// meanwhile (at most some 4000 ids singly, or everything at a stroke), and TakeOver. A mapped ring is for any
// thread of any process: it guards itself by a lock in the file, held for one such operation. A ring in
// memory is not for two threads at once: whoever shares it guards it.
//
// A process may be killed in the middle of an operation on a mapped ring. Whoever comes next repairs it, and
// every id is then as it was before the operation or as it was to be after. A repair takes a time in
// proportion to the ids: a tenth of a second for a million. A process that is stopped there instead of killed
// (a debugger, a frozen container) holds up the others until it goes on.
//
// Expiry needs no timer: each operation forgets a few ids whose lifetime is over, and never answers from one
// that it meets. The wall clock counts (a frozen process ages its ids); when it goes back, time stands still
// here until it has caught up. Processes that share a ring share its time too: the latest that one has seen.
class Ring {
 public:
  // In memory. CONFIG_INVALID for a capacity or lifetime out of range, or when the memory is not there.
  // `clock` outlives the ring. Touches all of its memory, so that no later operation waits for a page.
  static Result<Ring> Create(const RingOptions& options, const Clock& clock);

  // In the file `path`, as all do that share it. Opening is exclusive: the caller holds a lock of its own
  // that lets one process through at a time, until it has filled a fresh ring.
  //
  // Whoever is alone gets what is in the file, put in order, or a fresh ring in its place: when there is no
  // such file, when it is of another layout, capacity, lifetime or run of the machine (a power cut may have
  // torn it), written over by somebody else, never filled, or a lifetime ahead of the clock. Its hash key is
  // the file's; `options.key` is for a fresh one.
  //
  // Whoever is not alone gets CONFIG_INVALID for another capacity or lifetime than is in use, and
  // STORE_UNAVAILABLE for a file that is missing or not in order. So does everybody where the system refuses:
  // a disk without room for all of the file refuses here, never later. Where the C library cannot tell of an
  // owner's death (macOS), only one process at a time gets in.
  static Result<Ring> Map(const std::string& path, const RingOptions& options, const Clock& clock,
                          const RingShare& share);

  Ring(Ring&&) noexcept;
  Ring& operator=(Ring&&) noexcept;
  ~Ring();

  // True: nothing of earlier runs is in here. The caller is to Restore what is known from elsewhere, and then
  // to say so; until someone has, the file counts as incomplete, and a process killed on the way leaves it to
  // the next to start over.
  bool fresh() const;
  void MarkRestored();

  // kClaimed: the caller is to do the work and then Complete() or Release() the id. The lifetime runs from
  // here. At capacity the entry that was completed first gives way; entries in flight never do within their
  // lifetime: QUEUE_FULL when all are. STORE_UNAVAILABLE when the file was destroyed under us.
  Result<Claim> TryClaim(std::string_view id);

  // What the ring knows of an id at this moment, without claiming it. Nothing when it may be claimed.
  std::optional<Entry> Look(std::string_view id);

  // The three below are the claimer's alone: false when the id is not in flight (any more), or is another
  // owner's, who has perhaps taken it over.

  // In flight, and its event is on disk from now on.
  bool MarkStored(std::string_view id);

  // In flight → done; the lifetime runs anew.
  bool Complete(std::string_view id);

  // In flight → forgotten, so that it can be claimed again.
  bool Release(std::string_view id);

  // Remembers an id from an earlier run; one in flight is this owner's, and stored. `at_ms` (wall clock) is
  // when it was completed or claimed; one past its lifetime is not taken, one in the future counts as now.
  // Ids are restored oldest first, before the first claim; one out of order is taken to be as old as the one
  // before it, so it may live longer than its time and never shorter. False when it was not taken, is known
  // already, or there was no room; for one in flight the id that was completed first gives way.
  bool Restore(std::string_view id, bool done, std::int64_t at_ms);

  // Settles what a dead owner left in flight by what is on disk. Ids that are `known` as done become done
  // now; those known as unfinished become this owner's, stored, as old as they are; the others are forgotten,
  // for their events never reached the disk, and their senders will try again. Known ids that the ring does
  // not know are restored as by Restore; so `known` holds no other owner's unfinished ones. `from` may be
  // this ring's own number, which an earlier process had; then this comes before the first claim. Others work
  // on meanwhile: the lock is taken for a little at a time. Repeating it does no harm, so one that was cut
  // off is begun anew.
  void TakeOver(int from, std::span<const KnownId> known);

  // Ids remembered, whether in flight or done. Ids that expired since the last operation still count.
  std::size_t size() const;
  std::size_t capacity() const;
  std::size_t memory_bytes()
      const;  // everything this ring holds: ≤ kMaxBytesPerSlot × capacity + a small constant
  std::uint64_t evicted() const;  // done ids that gave way before their lifetime ended
  int owner() const;

 private:
  struct State;
  class Guard;
  explicit Ring(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace trunkline::idempotency
