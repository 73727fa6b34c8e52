#include "store/estate.h"

#include <utility>

#include "store/dead_letters_table.h"
#include "store/queues_table.h"

namespace trunkline::store {
namespace {

// A member records a death before it tells the ring: of one that was killed in between, the letters are among
// the last that were written, however long ago that is by the clock.
constexpr std::int64_t kLastLetters = 10'000;

}  // namespace

Result<Estate> ReadEstate(Database& database, const MemberTest& is_gone, int heir) {
  Estate estate;
  auto left = ReadUnfinished(database, is_gone);
  if (!left) return left.error();
  for (auto& [event, member] : *left) {
    estate.ids.push_back({event.event_id, false, event.received_at});
    if (member != heir) estate.of_others.push_back(event.seq);
    estate.unfinished.push_back(std::move(event));
  }
  const auto newest = NewestDeadLetter(database);
  if (!newest.ok()) return newest.error();
  auto letters = ReadDeadLetters(database, {.after_id = *newest - kLastLetters, .limit = kLastLetters});
  if (!letters) return letters.error();
  for (const DeadLetter& letter : *letters) estate.ids.push_back({letter.event_id, true, letter.failed_at});
  return estate;
}

Status Inherit(Database& database, const Estate& estate, const std::vector<int>& gone, int heir) {
  for (const std::int64_t seq : estate.of_others) {
    if (Status taken = TakeCustody(database, seq, heir); !taken.ok()) return taken;
  }
  for (const int number : gone) {
    if (Status released = ReleaseMessages(database, number); !released.ok()) return released;
  }
  return Ok();
}

}  // namespace trunkline::store
