#include "idempotency/ring.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "idempotency/ring_file.h"
#include "idempotency/ring_table.h"

#ifdef __APPLE__
#include <sys/random.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace trunkline::idempotency {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::uint32_t kSlotsAtATime = 4096;  // that a TakeOver looks through before it lets others in

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

Error OutOfRange(const char* name, std::int64_t least, std::int64_t most, const std::string& got) {
  return {.code = ErrorCode::kConfigInvalid,
          .message = std::string(name) + ": expected " + std::to_string(least) + " to " +
                     std::to_string(most) + ", got " + got};
}

Result<SipKey> KeyFor(const RingOptions& options) {
  if (options.key) return *options.key;
  SipKey key;
  // Not std::random_device: it would need a newer C library than Lambda has.
  if (getentropy(key.data(), sizeof key) != 0) {
    return Error{ErrorCode::kConfigInvalid,
                 "key: this machine has no source of randomness, so a key must be given"};
  }
  return key;
}

}  // namespace

Status CheckOptions(const RingOptions& options) {
  if (options.capacity < 1 || options.capacity > kMaxCapacity) {
    return OutOfRange("capacity", 1, kMaxCapacity, std::to_string(options.capacity));
  }
  if (options.ttl_ms < 1 || options.ttl_ms > kMaxTtlMs) {
    return OutOfRange("ttlMs", 1, kMaxTtlMs, std::to_string(options.ttl_ms));
  }
  return Ok();
}

struct Ring::State {
  const Clock* clock;
  SipKey key;
  int owner;
  bool fresh;
  Block memory;                  // either this …
  std::optional<RingFile> file;  // … or this
  Table table;

  std::size_t bytes() const { return file ? file->bytes() : Layout::Bytes(table.capacity()); }

  Hash HashOf(std::string_view id) const {
    const Hash128 hash = SipHash128(key, AsBytes(id));
    return {{static_cast<std::uint32_t>(hash.low >> 32), static_cast<std::uint32_t>(hash.low),
             static_cast<std::uint32_t>(hash.high) & kHashMask}};
  }

  void Advance() { table.Advance(clock->WallMs()); }

  // The slot of an id that is in flight and this owner's, else kNone.
  std::uint32_t FindOwn(const Hash& hash) {
    Advance();
    const std::uint32_t at = table.Find(hash);
    return at != kNone && IsInFlightOf(at, owner) ? at : kNone;
  }
  bool IsInFlightOf(std::uint32_t at, int of) const {
    return table.slot(at).state() == SlotState::kInFlight && table.slot(at).owner() == of;
  }

  bool Restore(const Hash& hash, bool done, std::int64_t at_ms);
  template <typename Visit>
  void ForEachInFlightOf(int of, Visit visit);
};

// Alone with the ring while it lives. A ring in memory has no lock: its user sees to that.
class Ring::Guard {
 public:
  explicit Guard(State& state) {
    if (!state.file) return;
    switch (state.file->Lock()) {
      case RingFile::Locked::kOwnerDied:
        state.table.Repair();
        [[fallthrough]];
      case RingFile::Locked::kYes:
        locked_ = &*state.file;
        break;
      case RingFile::Locked::kFailed:
        state.file->SetDamaged();
        alone_ = false;
        break;
    }
  }
  ~Guard() {
    if (locked_ != nullptr) locked_->Unlock();
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  explicit operator bool() const { return alone_; }

 private:
  RingFile* locked_ = nullptr;
  bool alone_ = true;
};

Ring::Ring(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ring::Ring(Ring&&) noexcept = default;
Ring& Ring::operator=(Ring&&) noexcept = default;
Ring::~Ring() = default;

Result<Ring> Ring::Create(const RingOptions& options, const Clock& clock) {
  if (const Status checked = CheckOptions(options); !checked) return checked.error();
  const Result<SipKey> key = KeyFor(options);
  if (!key) return key.error();
  const auto capacity = static_cast<std::uint32_t>(options.capacity);
  const std::size_t bytes = Layout::Bytes(capacity);
  Block memory = Allocate(bytes);
  if (!memory) {
    return Error{ErrorCode::kConfigInvalid,
                 "capacity: " + std::to_string(bytes) + " bytes of memory are not available"};
  }
  // Written, not merely reserved: filling the ring must not meet a page that the system has yet to find.
  std::memset(memory.get(), 0, bytes);
  Table table(memory.get(), capacity, options.ttl_ms);
  table.Format(clock.WallMs());
  return Ring(std::unique_ptr<State>(new State{.clock = &clock,
                                               .key = *key,
                                               .owner = 0,
                                               .fresh = true,
                                               .memory = std::move(memory),
                                               .file = std::nullopt,
                                               .table = table}));
}

Result<Ring> Ring::Map(const std::string& path, const RingOptions& options, const Clock& clock,
                       const RingShare& share) {
  if (const Status checked = CheckOptions(options); !checked) return checked.error();
  if (share.owner < 0 || share.owner >= kMaxOwners) {
    return OutOfRange("owner", 0, kMaxOwners - 1, std::to_string(share.owner));
  }
  if (!share.alone && !RingFile::IsShareable()) {
    return Error{.code = ErrorCode::kStoreUnavailable,
                 .message = "on this system only one process at a time can use a data directory"};
  }
  const auto capacity = static_cast<std::uint32_t>(options.capacity);
  const RingFileTerms terms{capacity, options.ttl_ms, share.boot_id.value_or(BootId())};
  const auto ring_in = [&](RingFile file, const Table& table, bool fresh) {
    const SipKey key = file.key();
    return Ring(std::unique_ptr<State>(new State{.clock = &clock,
                                                 .key = key,
                                                 .owner = share.owner,
                                                 .fresh = fresh,
                                                 .memory = nullptr,
                                                 .file = std::move(file),
                                                 .table = table}));
  };

  auto file = RingFile::Open(path, terms);
  if (!share.alone && !file) return file.error();
  if (file) {
    Table table(file->block(), capacity, options.ttl_ms);
    // Asked before a call takes the file: which argument comes first differs between compilers and machines.
    const bool filled = file->filled();
    if (!share.alone) return ring_in(std::move(*file), table, !filled);
    // Where the system does not name its run, the file may be from before a power cut.
    const bool in_order = table.IsPlausible(clock.WallMs()) && (table.IsIntact() || file->left_at_work());
    if (!terms.boot_id.empty() && filled && in_order) {
      file->ResetLock();
      table.Repair();
      return ring_in(std::move(*file), table, false);
    }
  }
  const Result<SipKey> key = KeyFor(options);
  if (!key) return key.error();
  auto created = RingFile::Create(path, terms, *key);
  if (!created) return created.error();
  Table table(created->block(), capacity, options.ttl_ms);
  table.Format(clock.WallMs());
  return ring_in(std::move(*created), table, true);
}

bool Ring::fresh() const { return state_->fresh; }

void Ring::MarkRestored() {
  state_->fresh = false;
  if (state_->file) state_->file->SetFilled();
}

Result<Claim> Ring::TryClaim(std::string_view id) {
  State& s = *state_;
  const Hash hash = s.HashOf(id);
  const Guard guard(s);
  if (!guard) {
    return Error{.code = ErrorCode::kStoreUnavailable,
                 .message = "the ring of ids was destroyed while in use",
                 .hint = "Stop all processes that use this data directory, then start them again."};
  }
  s.Advance();
  if (const std::uint32_t at = s.table.Find(hash); at != kNone) {
    return s.table.slot(at).state() == SlotState::kDone ? Claim::kDone : Claim::kInFlight;
  }
  if (!s.table.MakeRoom()) {
    return Error{ErrorCode::kQueueFull, "all " + std::to_string(s.table.capacity()) +
                                            " ids that the ring can remember are in flight"};
  }
  s.table.Insert(hash, SlotState::kInFlight, Tag(s.owner, false), s.table.header().now_ms);
  return Claim::kClaimed;
}

std::optional<Entry> Ring::Look(std::string_view id) {
  State& s = *state_;
  const Hash hash = s.HashOf(id);
  const Guard guard(s);
  if (!guard) return std::nullopt;
  s.Advance();
  const std::uint32_t at = s.table.Find(hash);
  if (at == kNone) return std::nullopt;
  const Slot& slot = s.table.slot(at);
  return Entry{.done = slot.state() == SlotState::kDone, .owner = slot.owner(), .stored = slot.stored()};
}

bool Ring::MarkStored(std::string_view id) {
  State& s = *state_;
  const Hash hash = s.HashOf(id);
  const Guard guard(s);
  const std::uint32_t at = guard ? s.FindOwn(hash) : kNone;
  if (at == kNone) return false;
  s.table.Retag(at, Tag(s.owner, true));
  return true;
}

bool Ring::Complete(std::string_view id) {
  State& s = *state_;
  const Hash hash = s.HashOf(id);
  const Guard guard(s);
  const std::uint32_t at = guard ? s.FindOwn(hash) : kNone;
  if (at == kNone) return false;
  s.table.Complete(at);
  return true;
}

bool Ring::Release(std::string_view id) {
  State& s = *state_;
  const Hash hash = s.HashOf(id);
  const Guard guard(s);
  const std::uint32_t at = guard ? s.FindOwn(hash) : kNone;
  if (at == kNone) return false;
  s.table.Forget(at);
  return true;
}

bool Ring::State::Restore(const Hash& hash, bool done, std::int64_t at_ms) {
  const SlotState slot_state = done ? SlotState::kDone : SlotState::kInFlight;
  const std::int64_t since_origin = table.SinceOrigin(slot_state, at_ms);
  if (since_origin < 0) return false;
  // A done id is not worth another one's place; one that is being worked on must not be claimed again.
  if (done ? table.header().size == table.capacity() : !table.MakeRoom()) return false;
  table.Insert(hash, slot_state, Tag(owner, true), since_origin);
  return true;
}

bool Ring::Restore(std::string_view id, bool done, std::int64_t at_ms) {
  State& s = *state_;
  const Hash hash = s.HashOf(id);
  const Guard guard(s);
  if (!guard) return false;
  s.Advance();
  return s.table.Find(hash) == kNone && s.Restore(hash, done, at_ms);
}

template <typename Visit>
void Ring::State::ForEachInFlightOf(int of, Visit visit) {
  for (std::uint32_t at = 0;;) {
    const Guard guard(*this);
    const std::uint32_t touched = table.header().touched;
    if (!guard || at >= touched) return;
    for (const std::uint32_t end = std::min(touched, at + kSlotsAtATime); at < end; ++at) {
      if (IsInFlightOf(at, of)) visit(at);
    }
  }
}

void Ring::TakeOver(int from, std::span<const KnownId> known) {
  State& s = *state_;
  // From here on "stored" means that `known` says so: the two may be of one owner, and are told apart by it.
  s.ForEachInFlightOf(from, [&](std::uint32_t at) { s.table.Retag(at, Tag(from, false)); });
  for (const KnownId& event : known) {
    const Hash hash = s.HashOf(event.id);
    const Guard guard(s);
    if (!guard) return;
    s.Advance();
    const std::uint32_t at = s.table.Find(hash);
    if (at == kNone) {
      s.Restore(hash, event.done, event.at_ms);
    } else if (s.IsInFlightOf(at, from)) {
      if (event.done) {
        s.table.Complete(at);
      } else {
        s.table.Retag(at, Tag(s.owner, true));
      }
    }
  }
  s.ForEachInFlightOf(from, [&](std::uint32_t at) {
    if (!s.table.slot(at).stored()) s.table.Forget(at);
  });
}

std::size_t Ring::size() const {
  const Guard guard(*state_);
  return state_->table.header().size;
}

std::uint64_t Ring::evicted() const {
  const Guard guard(*state_);
  return state_->table.header().evicted;
}

std::size_t Ring::capacity() const { return state_->table.capacity(); }
std::size_t Ring::memory_bytes() const { return state_->bytes() + sizeof(State); }
int Ring::owner() const { return state_->owner; }

}  // namespace trunkline::idempotency
