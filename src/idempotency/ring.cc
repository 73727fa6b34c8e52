// The ring's memory and its rules. One block holds everything, and links are slot numbers instead of
// pointers, so that the same layout can be mapped from a file:
//
//   Header | Slot × capacity (24 bytes each) | bucket × 3/2 capacity (4 bytes each)          = 30 bytes an id
//
// A slot is on exactly one of three lists: free, in flight (oldest claim first), done (oldest completion
// first). Both ages are lists in order of time, so whatever expires or gives way next is at a head. The
// buckets are an open-addressing index from hash to slot: linear probing, backward-shift deletion (no
// tombstones that would pile up over months), not rounded to a power of two (which could double it).
#include "idempotency/ring.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace trunkline::idempotency {
namespace {

constexpr std::uint32_t kNone = 0xFFFF'FFFF;
constexpr std::uint32_t kDoneBit = 0x8000'0000;
constexpr std::uint32_t kStampMask = 0x7FFF'FFFF;
constexpr std::int64_t kTicksPerTtl = 4096;
constexpr std::size_t kSweep = 16;          // ids forgotten per list and operation at most, …
constexpr std::int64_t kSweepPerTicks = 8;  // … and one more for so many ticks since the operation before
constexpr std::size_t kHugePage = std::size_t{2} << 20;

struct Hash {
  std::uint32_t words[3];
  bool operator==(const Hash&) const = default;
};

struct Slot {
  Hash hash;
  std::uint32_t next;  // towards newer; on the free list, the next free one
  std::uint32_t prev;
  std::uint32_t stamp;  // tick of claim or completion, modulo 2^31; the top bit: done
};
static_assert(sizeof(Slot) == 24);

struct List {
  std::uint32_t head = kNone;  // oldest
  std::uint32_t tail = kNone;  // newest
};

struct Header {
  std::int64_t origin_ms;  // wall clock at tick 0: one lifetime before creation, so that restored stamps fit
  std::int64_t now_ms;     // since the origin; never goes back
  std::int64_t now_tick;
  std::uint64_t evicted;
  List in_flight;
  List done;
  std::uint32_t free;     // first of the slots that were used and are free again
  std::uint32_t touched;  // slots from here on were never used since the ring was last empty
  std::uint32_t size;
  std::uint32_t pad;
};

struct FreeBlock {
  void operator()(std::byte* block) const { std::free(block); }
};
using Block = std::unique_ptr<std::byte, FreeBlock>;

Block Allocate(std::size_t size) {
  const std::size_t alignment = size >= kHugePage ? kHugePage : alignof(std::max_align_t);
  Block block(
      static_cast<std::byte*>(std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)));
#ifdef __linux__
  // A claim lands on random pages; with 4 KiB ones, misses of the address cache cost as much as those of the
  // data's. Advice only: refused, everything works the same.
  if (block && size >= kHugePage) madvise(block.get(), size / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return block;
}

}  // namespace

struct Ring::State {
  const Clock* clock;
  SipKey key;
  std::int64_t ttl_ms;
  std::int64_t tick_ms;
  std::uint32_t capacity;
  std::uint32_t bucket_count;
  std::uint32_t slot_mask;  // a bucket's bits for the slot number + 1; those above hold a piece of the hash
  std::size_t block_size;
  Block block;

  Header& header() { return *reinterpret_cast<Header*>(block.get()); }
  const Header& header() const { return *reinterpret_cast<const Header*>(block.get()); }
  Slot* slots() { return reinterpret_cast<Slot*>(block.get() + sizeof(Header)); }
  std::uint32_t* buckets() {
    return reinterpret_cast<std::uint32_t*>(block.get() + sizeof(Header) + sizeof(Slot) * capacity);
  }

  Hash HashOf(std::string_view id) const {
    const Hash128 hash = SipHash128(key, AsBytes(id));
    return {{static_cast<std::uint32_t>(hash.low >> 32), static_cast<std::uint32_t>(hash.low),
             static_cast<std::uint32_t>(hash.high)}};
  }

  // ---- time ----

  // Stamps round up, so that rounding never shortens a life.
  std::int64_t TickAfter(std::int64_t ms) const { return (ms + tick_ms - 1) / tick_ms; }

  // When a slot was stamped, in milliseconds since the origin.
  std::int64_t StampedAt(const Slot& slot) const {
    // A stamp is at most one tick ahead of now, and the sweep keeps the oldest far within 2^31 behind it.
    const std::int64_t newest = header().now_tick + 1;
    const std::uint32_t age = (static_cast<std::uint32_t>(newest) - slot.stamp) & kStampMask;
    return (newest - age) * tick_ms;
  }

  bool IsExpired(const Slot& slot) const { return header().now_ms >= StampedAt(slot) + ttl_ms; }

  void Stamp(Slot& slot, std::int64_t at_ms, bool done) {
    slot.stamp = (static_cast<std::uint32_t>(TickAfter(at_ms)) & kStampMask) | (done ? kDoneBit : 0);
  }

  // Opens every operation: reads the clock and forgets some of what is over.
  void Advance() {
    Header& h = header();
    const std::int64_t now_ms = clock->WallMs() - h.origin_ms;
    std::size_t budget = kSweep;
    if (now_ms > h.now_ms) {
      const std::int64_t gap_ms = now_ms - h.now_ms;
      h.now_ms = now_ms;
      h.now_tick = now_ms / tick_ms;
      // A pause of a lifetime has ended every life; stamps are not even asked, for they repeat after 2^31
      // ticks.
      if (gap_ms >= ttl_ms + tick_ms) return ForgetAll();
      // This rate passes the largest ring twice before a stamp could come round again, however rare the
      // operations.
      budget += static_cast<std::size_t>(gap_ms / tick_ms / kSweepPerTicks);
    }
    Sweep(h.in_flight, budget);
    Sweep(h.done, budget);
  }

  void Sweep(List& list, std::size_t budget) {
    for (; budget > 0 && list.head != kNone && IsExpired(slots()[list.head]); --budget) Forget(list.head);
  }

  void ForgetAll() {
    Header& h = header();
    // A few are forgotten singly: wiping a large index for them would take longer.
    while (h.size > 0 && h.size <= kSweep) Forget(h.done.head != kNone ? h.done.head : h.in_flight.head);
    if (h.size > 0) Clear();
  }

  void Clear() {
    Header& h = header();
    h.in_flight = {};
    h.done = {};
    h.free = kNone;
    h.touched = 0;
    h.size = 0;
    std::memset(buckets(), 0, sizeof(std::uint32_t) * bucket_count);
  }

  // ---- lists ----

  List& ListOf(const Slot& slot) { return slot.stamp & kDoneBit ? header().done : header().in_flight; }

  void Append(List& list, std::uint32_t at) {
    Slot& slot = slots()[at];
    slot.prev = list.tail;
    slot.next = kNone;
    (list.tail == kNone ? list.head : slots()[list.tail].next) = at;
    list.tail = at;
  }

  void Unlink(std::uint32_t at) {
    const Slot& slot = slots()[at];
    List& list = ListOf(slot);
    (slot.prev == kNone ? list.head : slots()[slot.prev].next) = slot.next;
    (slot.next == kNone ? list.tail : slots()[slot.next].prev) = slot.prev;
  }

  // ---- index ----

  std::uint32_t Home(const Hash& hash) const {
    return static_cast<std::uint32_t>(std::uint64_t{hash.words[0]} * bucket_count >> 32);
  }
  std::uint32_t Next(std::uint32_t bucket) const { return bucket + 1 == bucket_count ? 0 : bucket + 1; }
  std::uint32_t SlotIn(std::uint32_t entry) const { return (entry & slot_mask) - 1; }
  std::uint32_t Entry(const Hash& hash, std::uint32_t slot) const {
    return (hash.words[1] & ~slot_mask) | (slot + 1);
  }

  struct Place {
    std::uint32_t bucket;  // where the hash is, or where it would go
    std::uint32_t slot;    // kNone: not there
  };

  Place Find(const Hash& hash) {
    std::uint32_t bucket = Home(hash);
    for (; buckets()[bucket] != 0; bucket = Next(bucket)) {
      const std::uint32_t entry = buckets()[bucket];
      // The piece of hash beside the slot number spares most visits to slots of other ids, each a miss of the
      // cache.
      if (((entry ^ hash.words[1]) & ~slot_mask) != 0) continue;
      if (slots()[SlotIn(entry)].hash == hash) return {bucket, SlotIn(entry)};
    }
    return {bucket, kNone};
  }

  std::uint32_t BucketOf(std::uint32_t slot) {
    std::uint32_t bucket = Home(slots()[slot].hash);
    while (SlotIn(buckets()[bucket]) != slot) bucket = Next(bucket);
    return bucket;
  }

  void EraseBucket(std::uint32_t hole) {
    for (std::uint32_t bucket = Next(hole); buckets()[bucket] != 0; bucket = Next(bucket)) {
      const std::uint32_t home = Home(slots()[SlotIn(buckets()[bucket])].hash);
      // Moves back only what the hole would cut off from its home, both distances taken around the end.
      if (Distance(home, bucket) < Distance(hole, bucket)) continue;
      buckets()[hole] = buckets()[bucket];
      hole = bucket;
    }
    buckets()[hole] = 0;
  }

  std::uint32_t Distance(std::uint32_t from, std::uint32_t to) const {
    return to >= from ? to - from : to + bucket_count - from;
  }

  // ---- entries ----

  // The index has more buckets than there are slots, so a probe always meets an empty one.
  std::uint32_t Insert(const Hash& hash, bool done, std::int64_t at_ms) {
    Header& h = header();
    std::uint32_t at = h.free;
    if (at == kNone) {
      at = h.touched++;
    } else {
      h.free = slots()[at].next;
    }
    ++h.size;
    buckets()[Find(hash).bucket] = Entry(hash, at);
    slots()[at].hash = hash;
    Stamp(slots()[at], at_ms, done);
    Append(done ? h.done : h.in_flight, at);
    return at;
  }

  void Forget(std::uint32_t at) {
    Header& h = header();
    EraseBucket(BucketOf(at));
    Unlink(at);
    slots()[at].next = h.free;
    h.free = at;
    --h.size;
  }

  // The slot of an id that is in flight within its lifetime, else kNone.
  std::uint32_t FindInFlight(std::string_view id) {
    Advance();
    const std::uint32_t at = Find(HashOf(id)).slot;
    if (at == kNone || (slots()[at].stamp & kDoneBit) != 0 || IsExpired(slots()[at])) return kNone;
    return at;
  }
};

Ring::Ring(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ring::Ring(Ring&&) noexcept = default;
Ring& Ring::operator=(Ring&&) noexcept = default;
Ring::~Ring() = default;

Result<Ring> Ring::Create(const RingOptions& options, const Clock& clock) {
  const auto invalid = [](std::string message) {
    return Error{ErrorCode::kConfigInvalid, std::move(message)};
  };
  if (options.capacity < 1 || options.capacity > kMaxCapacity) {
    return invalid("capacity: expected 1 to " + std::to_string(kMaxCapacity) + ", got " +
                   std::to_string(options.capacity));
  }
  if (options.ttl_ms < 1 || options.ttl_ms > kMaxTtlMs) {
    return invalid("ttlMs: expected 1 to " + std::to_string(kMaxTtlMs) + ", got " +
                   std::to_string(options.ttl_ms));
  }
  SipKey key;
  if (options.key) {
    key = *options.key;
  } else if (getentropy(key.data(), sizeof key) !=
             0) {  // not std::random_device: it would need a newer C library than Lambda has
    return invalid("key: this machine has no source of randomness, so a key must be given");
  }

  auto state = std::make_unique<State>();
  state->clock = &clock;
  state->key = key;
  state->ttl_ms = options.ttl_ms;
  state->tick_ms = std::max<std::int64_t>(1, options.ttl_ms / kTicksPerTtl);
  state->capacity = static_cast<std::uint32_t>(options.capacity);
  state->bucket_count = state->capacity + (state->capacity + 1) / 2 + 1;
  state->slot_mask = (std::uint32_t{1} << std::bit_width(state->capacity)) - 1;
  state->block_size =
      sizeof(Header) + sizeof(Slot) * state->capacity + sizeof(std::uint32_t) * state->bucket_count;
  state->block = Allocate(state->block_size);
  if (!state->block) {
    return invalid("capacity: " + std::to_string(state->block_size) + " bytes of memory are not available");
  }
  // Written, not merely reserved: filling the ring must not meet a page that the system has yet to find.
  std::memset(state->block.get(), 0, state->block_size);
  Header& header = *new (state->block.get()) Header{};
  header.origin_ms = clock.WallMs() - state->ttl_ms;
  header.now_ms = state->ttl_ms;
  header.now_tick = header.now_ms / state->tick_ms;
  state->Clear();
  return Ring(std::move(state));
}

Result<Claim> Ring::TryClaim(std::string_view id) {
  State& s = *state_;
  s.Advance();
  const Hash hash = s.HashOf(id);
  const std::uint32_t at = s.Find(hash).slot;
  if (at != kNone) {
    const Slot& slot = s.slots()[at];
    if (!s.IsExpired(slot)) return slot.stamp & kDoneBit ? Claim::kDone : Claim::kInFlight;
    s.Forget(at);
  }
  Header& header = s.header();
  if (header.size == s.capacity) {
    // The sweep has just freed slots if anything at the heads was over, so this one still had time to live.
    if (header.done.head == kNone) {
      return Error{ErrorCode::kQueueFull,
                   "all " + std::to_string(s.capacity) + " ids that the ring can remember are in flight"};
    }
    s.Forget(header.done.head);
    ++header.evicted;
  }
  s.Insert(hash, false, header.now_ms);
  return Claim::kClaimed;
}

bool Ring::Complete(std::string_view id) {
  State& s = *state_;
  const std::uint32_t at = s.FindInFlight(id);
  if (at == kNone) return false;
  s.Unlink(at);
  s.Stamp(s.slots()[at], s.header().now_ms, true);
  s.Append(s.header().done, at);
  return true;
}

bool Ring::Release(std::string_view id) {
  State& s = *state_;
  const std::uint32_t at = s.FindInFlight(id);
  if (at == kNone) return false;
  s.Forget(at);
  return true;
}

bool Ring::Restore(std::string_view id, bool done, std::int64_t at_ms) {
  State& s = *state_;
  s.Advance();
  Header& header = s.header();
  // Compared before subtracting: a time from a damaged row may be any number.
  const std::int64_t now_wall = header.origin_ms + header.now_ms;
  if (at_ms <= now_wall - s.ttl_ms) return false;
  std::int64_t since_origin = std::min(at_ms, now_wall) - header.origin_ms;
  const std::uint32_t newest = (done ? header.done : header.in_flight).tail;
  if (newest != kNone) since_origin = std::max(since_origin, s.StampedAt(s.slots()[newest]));
  const Hash hash = s.HashOf(id);
  if (header.size == s.capacity || s.Find(hash).slot != kNone) return false;
  s.Insert(hash, done, since_origin);
  return true;
}

std::size_t Ring::size() const { return state_->header().size; }
std::size_t Ring::capacity() const { return state_->capacity; }
std::size_t Ring::memory_bytes() const { return state_->block_size + sizeof(State); }
std::uint64_t Ring::evicted() const { return state_->header().evicted; }

}  // namespace trunkline::idempotency
