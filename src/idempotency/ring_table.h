// The work on the ring's memory, by hash and slot: finding, inserting, forgetting, ageing, repairing. Knows
// nothing of ids, locks or files; whoever calls it is alone with the memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "idempotency/ring_layout.h"

namespace trunkline::idempotency {

class Table {
 public:
  Table(std::byte* block, std::uint32_t capacity, std::int64_t ttl_ms);

  // Makes memory of zeros a ring that remembers nothing.
  void Format(std::int64_t wall_ms);

  // False when the times in there cannot be: then it is not worth a repair.
  bool IsPlausible(std::int64_t wall_ms) const;

  // False when slots or times are not as the operations have left them: somebody else has written there, or a
  // process was killed at work. Constant time a slot that was ever used.
  bool IsIntact() const { return header().touched <= capacity() && header().sum == Sum(); }

  // Makes everything anew from the slots, whatever is in them: after a process was killed at work here. Ids
  // of one tick may change their order. Constant time a slot that was ever used; allocates nothing.
  void Repair();

  // Opens every operation: takes the time, and forgets some of what is over.
  void Advance(std::int64_t wall_ms);

  // The slot of a hash, kNone when it is not there or its lifetime is over (then it is gone at once).
  std::uint32_t Find(const Hash& hash);

  // Makes room for one more: at capacity the id that was completed first gives way. False when all are in
  // flight.
  bool MakeRoom();

  // A hash that Find has not found, with room for it. `at_ms` counts from the origin.
  void Insert(const Hash& hash, SlotState state, std::uint32_t tag, std::int64_t at_ms);
  void Forget(std::uint32_t at);
  void Complete(std::uint32_t at);  // in flight → done, now
  void Retag(std::uint32_t at, std::uint32_t tag);

  // The time since the origin for an id of `wall_ms`, so that its list stays in order: between the list's
  // newest and now. Negative when its lifetime is over.
  std::int64_t SinceOrigin(SlotState state, std::int64_t wall_ms) const;

  std::uint32_t capacity() const { return layout_.capacity(); }
  const Slot& slot(std::uint32_t at) const { return layout_.slots()[at]; }
  const Header& header() const { return layout_.header(); }

 private:
  struct Place {
    std::uint32_t bucket;  // where the hash is, or where it would go
    std::uint32_t slot;    // kNone: not there
  };

  std::uint32_t Age(const Slot& slot) const;  // in ticks, up to the end of this one
  std::int64_t StampedAt(const Slot& slot) const;
  bool IsExpired(const Slot& slot) const;
  std::int64_t TickAfter(std::int64_t ms) const;
  void Sweep(List& list, std::size_t budget);
  void ForgetAll();
  void Clear();
  void SortByAge(List& list, SlotState state);

  List& ListOf(SlotState state);
  void Append(List& list, std::uint32_t at);
  void Unlink(List& list, std::uint32_t at);
  void PutFree(std::uint32_t at);

  // Of the whole ring; each operation brings header().sum up to date with the few places that it changes.
  std::uint32_t Sum() const;
  std::uint32_t SumOfTime() const;
  void SetLife(std::uint32_t at, SlotState state, std::int64_t tick);  // the commit of every change of a slot

  std::uint32_t SlotIn(std::uint32_t bucket_entry) const { return (bucket_entry & slot_mask_) - 1; }
  std::uint32_t BucketEntry(const Hash& hash, std::uint32_t slot) const;
  std::uint32_t Distance(std::uint32_t from, std::uint32_t to) const;
  Place Probe(const Hash& hash) const;
  std::uint32_t BucketOf(std::uint32_t slot) const;
  void EraseBucket(std::uint32_t hole);

  Slot* slots() const { return layout_.slots(); }
  std::uint32_t* buckets() const { return layout_.buckets(); }

  Layout layout_;
  std::int64_t ttl_ms_;
  std::int64_t tick_ms_;
  std::uint32_t slot_mask_;  // a bucket's bits for the slot number + 1; those above hold a piece of the hash
};

}  // namespace trunkline::idempotency
