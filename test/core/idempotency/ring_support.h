// What the tests of the ring share: answers as text, and a checker of all that its memory has to be.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "idempotency/ring.h"
#include "idempotency/ring_file.h"
#include "idempotency/ring_layout.h"
#include "idempotency/ring_table.h"

namespace trunkline::idempotency {

inline std::string Try(Ring& ring, std::string_view id) {
  const auto claim = ring.TryClaim(id);
  if (!claim.ok()) return std::string(Describe(claim.error().code).name);
  switch (*claim) {
    case Claim::kClaimed:
      return "claimed";
    case Claim::kInFlight:
      return "in-flight";
    case Claim::kDone:
      return "done";
  }
  return "?";
}

// "-", "done", "7's" or "7's, stored".
inline std::string LookAt(Ring& ring, std::string_view id) {
  const auto entry = ring.Look(id);
  if (!entry) return "-";
  if (entry->done) return "done";
  return std::to_string(entry->owner) + "'s" + (entry->stored ? ", stored" : "");
}

// Every rule of ring_layout.h; nobody may be at work in there. Returns the first that is broken, or nothing.
class RingChecker {
 public:
  RingChecker(std::byte* block, std::uint32_t capacity)
      : layout_(block, capacity),
        header_(layout_.header()),
        on_list_(capacity, false),
        indexed_(capacity, false) {}

  std::string Check() {
    if (header_.touched > layout_.capacity()) return "more slots touched than there are";
    CheckList("in flight", header_.in_flight, SlotState::kInFlight);
    CheckList("done", header_.done, SlotState::kDone);
    const std::uint32_t used = listed_;
    CheckFree();
    if (listed_ != header_.touched) Say("a slot is on no list");
    if (used != header_.size) Say("size " + std::to_string(header_.size) + " of " + std::to_string(used));
    CheckBuckets();
    return problem_;
  }

 private:
  const Slot& slot(std::uint32_t at) const { return layout_.slots()[at]; }
  void Say(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
  }

  bool Visit(const std::string& list, std::uint32_t at) {
    if (at >= header_.touched) return Say(list + ": slot out of range"), false;
    if (on_list_[at]) return Say(list + ": slot listed twice"), false;
    on_list_[at] = true;
    ++listed_;
    return true;
  }

  void CheckList(const std::string& name, const List& list, SlotState state) {
    std::uint32_t before = kNone;
    std::uint32_t age_before = kTickMask;
    for (std::uint32_t at = list.head; at != kNone; before = at, at = slot(at).next) {
      if (!Visit(name, at)) return;
      if (slot(at).prev != before) Say(name + ": link back is wrong");
      if (slot(at).state() != state) Say(name + ": state is wrong");
      const std::uint32_t age =
          (static_cast<std::uint32_t>(header_.now_tick + 1) - slot(at).life) & kTickMask;
      if (age > age_before) Say(name + ": not in order of time");
      age_before = age;
    }
    if (list.tail != before) Say(name + ": tail is wrong");
  }

  void CheckFree() {
    for (std::uint32_t at = header_.free; at != kNone; at = slot(at).next) {
      if (!Visit("free", at)) return;
      if (slot(at).state() != SlotState::kFree) Say("free: a slot is in use");
    }
  }

  void CheckBuckets() {
    const std::uint32_t slot_mask = (std::uint32_t{1} << std::bit_width(layout_.capacity())) - 1;
    const std::uint32_t* buckets = layout_.buckets();
    std::uint32_t full = 0;
    for (std::uint32_t bucket = 0; bucket < layout_.bucket_count(); ++bucket) {
      if (buckets[bucket] == 0) continue;
      ++full;
      const std::uint32_t at = (buckets[bucket] & slot_mask) - 1;
      if (at >= header_.touched || slot(at).state() == SlotState::kFree) return Say("index: no id there");
      if (indexed_[at]) return Say("index: a slot twice");
      indexed_[at] = true;
      const Hash& hash = slot(at).hash;
      if ((buckets[bucket] & ~slot_mask) != (hash.words[1] & ~slot_mask)) Say("index: wrong piece of hash");
      for (std::uint32_t way = layout_.Home(hash); way != bucket; way = layout_.Next(way)) {
        if (buckets[way] == 0) return Say("index: an id cannot be found");
        if (slot((buckets[way] & slot_mask) - 1).Holds(hash)) return Say("index: an id twice");
      }
    }
    if (full != header_.size) Say("index: " + std::to_string(full) + " of " + std::to_string(header_.size));
  }

  Layout layout_;
  const Header& header_;
  std::vector<bool> on_list_;
  std::vector<bool> indexed_;
  std::uint32_t listed_ = 0;
  std::string problem_;
};

constexpr char kBoot[] = "this boot";

inline std::string CheckRingFile(const std::string& path, std::size_t capacity, std::int64_t ttl_ms) {
  const auto slots = static_cast<std::uint32_t>(capacity);
  auto file = RingFile::Open(path, {slots, ttl_ms, kBoot});
  if (!file) return file.error().message;
  if (!Table(file->block(), slots, ttl_ms).IsIntact()) return "the sum is not that of the slots";
  return RingChecker(file->block(), slots).Check();
}

}  // namespace trunkline::idempotency
