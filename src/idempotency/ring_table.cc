#include "idempotency/ring_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

namespace trunkline::idempotency {
namespace {

constexpr std::int64_t kTicksPerTtl = 4096;
constexpr std::size_t kMaxAge = 2 * kTicksPerTtl;  // of an id that lives: ticks are rounded down to whole ms
constexpr std::size_t kSweep = 16;                 // ids forgotten per list and operation at most, …
constexpr std::int64_t kSweepPerTicks = 4;  // … and one more for so many ticks since the operation before
constexpr std::int64_t kMaxTime = std::int64_t{1} << 60;

// Differs where any bit does, as far as 32 bits can.
std::uint32_t Mix(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t mixed = (a * 0x9E37'79B9'7F4A'7C15 ^ b) * 0xD6E8'FEB8'6659'FD93;
  return static_cast<std::uint32_t>(mixed >> 32) ^ static_cast<std::uint32_t>(mixed);
}

bool IsUsed(const Slot& slot) {
  return slot.state() == SlotState::kInFlight || slot.state() == SlotState::kDone;
}

std::uint32_t SumOf(const Slot& slot) {
  if (!IsUsed(slot)) return 0;
  return Mix(std::uint64_t{slot.hash.words[0]} << 32 | slot.hash.words[1],
             std::uint64_t{slot.hash.words[2]} << 32 | slot.life);
}

}  // namespace

Table::Table(std::byte* block, std::uint32_t capacity, std::int64_t ttl_ms)
    : layout_(block, capacity),
      ttl_ms_(ttl_ms),
      tick_ms_(std::max<std::int64_t>(1, ttl_ms / kTicksPerTtl)),
      slot_mask_((std::uint32_t{1} << std::bit_width(capacity)) - 1) {}

void Table::Format(std::int64_t wall_ms) {
  Header& h = *new (&layout_.header()) Header{};
  h.origin_ms = wall_ms - ttl_ms_;
  h.now_ms = ttl_ms_;
  h.now_tick = h.now_ms / tick_ms_;
  h.in_flight = kEmpty;
  h.done = kEmpty;
  h.free = kNone;
  h.sum = SumOfTime();
}

// ---- sum ----

// Zeros, as a file system may put in the place of what it lost, have not the sum 0.
std::uint32_t Table::SumOfTime() const {
  return ~Mix(static_cast<std::uint64_t>(header().origin_ms), static_cast<std::uint64_t>(header().now_ms));
}

std::uint32_t Table::Sum() const {
  std::uint32_t sum = SumOfTime();
  for (std::uint32_t at = 0; at < header().touched; ++at) sum += SumOf(slot(at));
  return sum;
}

void Table::SetLife(std::uint32_t at, SlotState state, std::int64_t tick) {
  Header& h = layout_.header();
  h.sum -= SumOf(slot(at));
  Commit(slots()[at].life, Life(state, tick));
  h.sum += SumOf(slot(at));
}

// ---- time ----

// Ticks round up, so that rounding never shortens a life.
std::int64_t Table::TickAfter(std::int64_t ms) const { return (ms + tick_ms_ - 1) / tick_ms_; }

std::uint32_t Table::Age(const Slot& slot) const {
  // A tick is at most one ahead of now, and the sweep keeps the oldest far within 2^30 behind it.
  return (static_cast<std::uint32_t>(header().now_tick + 1) - slot.life) & kTickMask;
}

// In milliseconds since the origin.
std::int64_t Table::StampedAt(const Slot& slot) const {
  return (header().now_tick + 1 - Age(slot)) * tick_ms_;
}

bool Table::IsExpired(const Slot& slot) const { return header().now_ms >= StampedAt(slot) + ttl_ms_; }

std::int64_t Table::SinceOrigin(SlotState state, std::int64_t wall_ms) const {
  const Header& h = header();
  // Compared before subtracting: a time from a damaged row may be any number.
  const std::int64_t now_wall = h.origin_ms + h.now_ms;
  if (wall_ms <= now_wall - ttl_ms_) return -1;
  const std::int64_t since_origin = std::min(wall_ms, now_wall) - h.origin_ms;
  const std::uint32_t newest = (state == SlotState::kDone ? h.done : h.in_flight).tail;
  return newest == kNone ? since_origin : std::max(since_origin, StampedAt(slot(newest)));
}

void Table::Advance(std::int64_t wall_ms) {
  Header& h = layout_.header();
  const std::int64_t now_ms = wall_ms - h.origin_ms;
  std::size_t budget = kSweep;
  if (now_ms > h.now_ms) {
    const std::int64_t gap_ms = now_ms - h.now_ms;
    // A pause of a lifetime has ended every life; ticks are not even asked, for they repeat after 2^30 of
    // them. Before the time is taken: whoever is killed in here leaves the pause to the next.
    if (gap_ms >= ttl_ms_ + tick_ms_) ForgetAll();
    h.sum -= SumOfTime();
    h.now_ms = now_ms;
    h.now_tick = now_ms / tick_ms_;
    h.sum += SumOfTime();
    // This rate passes the largest ring twice before a tick could come round again, however rare the
    // operations.
    budget += static_cast<std::size_t>(gap_ms / tick_ms_ / kSweepPerTicks);
  }
  Sweep(h.in_flight, budget);
  Sweep(h.done, budget);
}

void Table::Sweep(List& list, std::size_t budget) {
  for (; budget > 0 && list.head != kNone && IsExpired(slot(list.head)); --budget) Forget(list.head);
}

void Table::ForgetAll() {
  const Header& h = header();
  // A few are forgotten singly: wiping a large index for them would take longer.
  while (h.size > 0 && h.size <= kSweep) Forget(h.done.head != kNone ? h.done.head : h.in_flight.head);
  if (h.size > 0) Clear();
}

void Table::Clear() {
  Header& h = layout_.header();
  h.in_flight = kEmpty;
  h.done = kEmpty;
  h.free = kNone;
  h.touched = 0;
  h.size = 0;
  h.sum = SumOfTime();
  std::memset(buckets(), 0, sizeof(std::uint32_t) * layout_.bucket_count());
}

// ---- lists ----

List& Table::ListOf(SlotState state) {
  return state == SlotState::kDone ? layout_.header().done : layout_.header().in_flight;
}

void Table::Append(List& list, std::uint32_t at) {
  Slot& slot = slots()[at];
  slot.prev = list.tail;
  slot.next = kNone;
  (list.tail == kNone ? list.head : slots()[list.tail].next) = at;
  list.tail = at;
}

void Table::Unlink(List& list, std::uint32_t at) {
  const Slot& slot = slots()[at];
  (slot.prev == kNone ? list.head : slots()[slot.prev].next) = slot.next;
  (slot.next == kNone ? list.tail : slots()[slot.next].prev) = slot.prev;
}

void Table::PutFree(std::uint32_t at) {
  Header& h = layout_.header();
  slots()[at].next = h.free;
  h.free = at;
}

// ---- index ----

std::uint32_t Table::BucketEntry(const Hash& hash, std::uint32_t slot) const {
  return (hash.words[1] & ~slot_mask_) | (slot + 1);
}

std::uint32_t Table::Distance(std::uint32_t from, std::uint32_t to) const {
  return to >= from ? to - from : to + layout_.bucket_count() - from;
}

// The index has more buckets than there are slots, so a probe always meets an empty one.
Table::Place Table::Probe(const Hash& hash) const {
  std::uint32_t bucket = layout_.Home(hash);
  for (; buckets()[bucket] != 0; bucket = layout_.Next(bucket)) {
    const std::uint32_t entry = buckets()[bucket];
    // The piece of hash beside the slot number spares most visits to slots of other ids, each a miss of the
    // cache.
    if (((entry ^ hash.words[1]) & ~slot_mask_) != 0) continue;
    if (slot(SlotIn(entry)).Holds(hash)) return {bucket, SlotIn(entry)};
  }
  return {bucket, kNone};
}

std::uint32_t Table::BucketOf(std::uint32_t slot) const {
  std::uint32_t bucket = layout_.Home(slots()[slot].hash);
  while (SlotIn(buckets()[bucket]) != slot) bucket = layout_.Next(bucket);
  return bucket;
}

void Table::EraseBucket(std::uint32_t hole) {
  for (std::uint32_t bucket = layout_.Next(hole); buckets()[bucket] != 0; bucket = layout_.Next(bucket)) {
    const std::uint32_t home = layout_.Home(slot(SlotIn(buckets()[bucket])).hash);
    // Moves back only what the hole would cut off from its home, both distances taken around the end.
    if (Distance(home, bucket) < Distance(hole, bucket)) continue;
    buckets()[hole] = buckets()[bucket];
    hole = bucket;
  }
  buckets()[hole] = 0;
}

// ---- entries ----

std::uint32_t Table::Find(const Hash& hash) {
  const std::uint32_t at = Probe(hash).slot;
  if (at == kNone || !IsExpired(slot(at))) return at;
  Forget(at);
  return kNone;
}

bool Table::MakeRoom() {
  Header& h = layout_.header();
  if (h.size < capacity()) return true;
  // The sweep has just freed slots if anything at the heads was over, so this one still had time to live.
  if (h.done.head == kNone) return false;
  Forget(h.done.head);
  ++h.evicted;
  return true;
}

void Table::Insert(const Hash& hash, SlotState state, std::uint32_t tag, std::int64_t at_ms) {
  Header& h = layout_.header();
  std::uint32_t at = h.free;
  if (at == kNone) {
    at = h.touched;
    // Left over from before the ring was last emptied, its life may look real.
    Commit(slots()[at].life, Life(SlotState::kFree, 0));
    Commit(h.touched, at + 1);
  } else {
    h.free = slots()[at].next;
  }
  Slot& slot = slots()[at];
  buckets()[Probe(hash).bucket] = BucketEntry(hash, at);
  slot.hash = {{hash.words[0], hash.words[1], hash.words[2] | tag}};
  SetLife(at, state, TickAfter(at_ms));
  Append(ListOf(state), at);
  ++h.size;
}

void Table::Forget(std::uint32_t at) {
  List& list = ListOf(slot(at).state());
  SetLife(at, SlotState::kFree, 0);
  EraseBucket(BucketOf(at));
  Unlink(list, at);
  PutFree(at);
  --layout_.header().size;
}

void Table::Complete(std::uint32_t at) {
  Header& h = layout_.header();
  Unlink(h.in_flight, at);
  SetLife(at, SlotState::kDone, TickAfter(h.now_ms));
  Append(h.done, at);
}

void Table::Retag(std::uint32_t at, std::uint32_t tag) {
  Header& h = layout_.header();
  std::uint32_t& word = slots()[at].hash.words[2];
  h.sum -= SumOf(slot(at));
  Commit(word, (word & kHashMask) | tag);
  h.sum += SumOf(slot(at));
}

// ---- repair ----

bool Table::IsPlausible(std::int64_t wall_ms) const {
  const Header& h = header();
  // A ring whose clock is a lifetime ahead would stand still until the machine's has caught up: for years, if
  // a wrong date was put right.
  return h.origin_ms > -kMaxTime && h.origin_ms < kMaxTime && h.now_ms >= 0 && h.now_ms < kMaxTime &&
         h.origin_ms + h.now_ms <= wall_ms + ttl_ms_;
}

void Table::Repair() {
  Header& h = layout_.header();
  h.now_tick = h.now_ms / tick_ms_;
  h.touched = std::min(h.touched, capacity());
  h.free = kNone;
  h.size = 0;
  std::memset(buckets(), 0, sizeof(std::uint32_t) * layout_.bucket_count());
  for (std::uint32_t at = 0; at < h.touched; ++at) {
    Slot& slot = slots()[at];
    if (IsUsed(slot) && !IsExpired(slot)) {
      if (const Place place = Probe(slot.hash); place.slot == kNone) {
        buckets()[place.bucket] = BucketEntry(slot.hash, at);
        ++h.size;
        continue;
      }
    }
    Commit(slot.life, Life(SlotState::kFree, 0));
    PutFree(at);
  }
  SortByAge(h.in_flight, SlotState::kInFlight);
  SortByAge(h.done, SlotState::kDone);
  h.sum = Sum();
}

// One list for each age, and then these one behind the other, the oldest first.
void Table::SortByAge(List& list, SlotState state) {
  std::array<List, kMaxAge + 1> ages;
  std::uint32_t count = 0;  // of those in use
  for (std::uint32_t at = 0; at < header().touched; ++at) {
    if (slot(at).state() != state) continue;
    const std::uint32_t age = Age(slot(at));
    while (count <= age) ages[count++] = kEmpty;
    Append(ages[age], at);
  }
  list = kEmpty;
  while (count-- > 0) {
    const List& next = ages[count];
    if (next.head == kNone) continue;
    slots()[next.head].prev = list.tail;
    (list.tail == kNone ? list.head : slots()[list.tail].next) = next.head;
    list.tail = next.tail;
  }
}

}  // namespace trunkline::idempotency
