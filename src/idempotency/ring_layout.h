// The ring's memory, the same in the heap and in a file that several processes map. One block holds
// everything, and links are slot numbers instead of pointers:
//
//   Header | Slot × capacity (24 bytes each) | bucket × 3/2 capacity (4 bytes each)          = 30 bytes an id
//
// A slot is on exactly one of three lists: free, in flight (oldest claim first), done (oldest completion
// first). Both ages are lists in order of time, so whatever expires or gives way next is at a head. The
// buckets are an open-addressing index from hash to slot: linear probing, backward-shift deletion (no
// tombstones that would pile up over months), not rounded to a power of two (which could double it).
//
// A process may be killed between any two stores. So the slots alone are the truth, and of a slot its `life`:
// it is written last when an id comes and first when it goes, and one store turns "in flight" into "done".
// Lists, buckets and counts only find quickly what the slots say, and can be made anew from them. A sum over
// the slots in use and the time tells a ring that something else has written over.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace trunkline::idempotency {

constexpr std::uint32_t kNone = 0xFFFF'FFFF;

// 88 bits of an id's hash. The top byte of the last word is the slot's own.
struct Hash {
  std::uint32_t words[3];
};
constexpr std::uint32_t kHashMask = 0x00FF'FFFF;

enum class SlotState : std::uint32_t { kFree = 0, kInFlight = 1, kDone = 2 };  // memory of zeros is free

struct Slot {
  Hash hash;           // in the top byte of the last word: who claimed, and whether that is on disk
  std::uint32_t next;  // towards newer; on the free list, the next free one
  std::uint32_t prev;
  std::uint32_t life;  // the state in the two top bits, and the tick of claim or completion, modulo 2^30

  SlotState state() const { return static_cast<SlotState>(life >> 30); }
  bool Holds(const Hash& other) const {
    return hash.words[0] == other.words[0] && hash.words[1] == other.words[1] &&
           ((hash.words[2] ^ other.words[2]) & kHashMask) == 0;
  }
  int owner() const { return static_cast<int>(hash.words[2] >> 24 & 0x7F); }
  bool stored() const { return hash.words[2] >> 31 != 0; }
};
static_assert(sizeof(Slot) == 24);
constexpr std::uint32_t kTickMask = 0x3FFF'FFFF;

constexpr std::uint32_t Life(SlotState state, std::int64_t tick) {
  return static_cast<std::uint32_t>(state) << 30 | (static_cast<std::uint32_t>(tick) & kTickMask);
}
constexpr std::uint32_t Tag(int owner, bool stored) {
  return static_cast<std::uint32_t>(owner) << 24 | (stored ? 0x8000'0000 : 0);
}

struct List {
  std::uint32_t head;  // oldest; kNone: the list is empty
  std::uint32_t tail;  // newest
};
constexpr List kEmpty{kNone, kNone};

struct Header {
  std::int64_t origin_ms;  // wall clock at tick 0: one lifetime before creation, so that restored ticks fit
  std::int64_t now_ms;     // since the origin; never goes back
  std::int64_t now_tick;
  std::uint64_t evicted;
  List in_flight;
  List done;
  std::uint32_t free;     // first of the slots that were used and are free again
  std::uint32_t touched;  // slots from here on were never used since the ring was last empty
  std::uint32_t size;
  std::uint32_t sum;  // see Table::Sum
};
static_assert(sizeof(Header) == 64);

// The block's parts, by capacity.
class Layout {
 public:
  Layout(std::byte* block, std::uint32_t capacity)
      : block_(block), capacity_(capacity), bucket_count_(capacity + (capacity + 1) / 2 + 1) {}
  static std::size_t Bytes(std::uint32_t capacity) {
    const Layout layout(nullptr, capacity);
    return sizeof(Header) + sizeof(Slot) * std::size_t{capacity} +
           sizeof(std::uint32_t) * std::size_t{layout.bucket_count_};
  }

  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t bucket_count() const { return bucket_count_; }
  Header& header() const { return *reinterpret_cast<Header*>(block_); }
  Slot* slots() const { return reinterpret_cast<Slot*>(block_ + sizeof(Header)); }
  std::uint32_t* buckets() const {
    return reinterpret_cast<std::uint32_t*>(block_ + sizeof(Header) + sizeof(Slot) * std::size_t{capacity_});
  }
  std::uint32_t Home(const Hash& hash) const {
    return static_cast<std::uint32_t>(std::uint64_t{hash.words[0]} * bucket_count_ >> 32);
  }
  std::uint32_t Next(std::uint32_t bucket) const { return bucket + 1 == bucket_count_ ? 0 : bucket + 1; }

 private:
  std::byte* block_;
  std::uint32_t capacity_;
  std::uint32_t bucket_count_;
};

// A store that stays in its place: all that is written above it in the code is written before it, all that is
// below, after it. Against a kill, the compiler is the only one to be told: of a killed thread the others see
// every store up to an instruction, and none past it. That holds on processors that reorder stores, too: the
// others look only when the system has given them the lock that the killed one held, and that orders memory.
inline void Commit(std::uint32_t& word, std::uint32_t value) {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  static_cast<volatile std::uint32_t&>(word) = value;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace trunkline::idempotency
