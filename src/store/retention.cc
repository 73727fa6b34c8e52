#include "store/retention.h"

#include <vector>

#include "store/dead_letters_table.h"
#include "store/events_table.h"
#include "store/notes_table.h"

namespace trunkline::store {
namespace {

// Rows that were wanted may be so no longer.
constexpr std::int64_t kRestartMs = 3'600'000;

constexpr int kSweepRows = 128;

}  // namespace

Result<bool> Retention::Step(Database& database, std::int64_t now_ms, int rows) {
  if (now_ms >= restart_at_ || now_ms < restart_at_ - kRestartMs) {
    looked_to_ = 0;
    restart_at_ = now_ms + kRestartMs;
  }
  const auto more_letters = DeleteLetters(database, now_ms, rows);
  if (!more_letters.ok()) return more_letters;
  const auto more_done = DeleteDone(database, now_ms, rows);
  if (!more_done.ok()) return more_done;
  const auto more_notes = DeleteNotes(database, now_ms, rows);
  if (!more_notes.ok()) return more_notes;
  return *more_letters || *more_done || *more_notes;
}

void Retention::Sweep(Database& database, std::int64_t now_ms) {
  if (Status begun = database.Execute("SAVEPOINT sweep"); !begun.ok()) return;
  const auto more = Step(database, now_ms, kSweepRows);
  has_more_ = more.ok() && *more;
  (void)database.Execute(more.ok() ? "RELEASE sweep" : "ROLLBACK TO sweep; RELEASE sweep");
}

Result<bool> Retention::DeleteDone(Database& database, std::int64_t now_ms, int rows) {
  std::vector<std::int64_t> over;
  bool more = false;
  {
    // In the order of arrival: the first young row ends the look, but not one from the future, when the
    // clock was wrong. The very last row stays in any case: its number must not be given again.
    auto query = database.Prepare(
        "SELECT events.seq, received_at, state, "
        "  published_at IS NOT NULL AND (events.seq > cursors.seq OR EXISTS (SELECT 1 FROM taken WHERE event "
        "= events.seq)), "
        "  EXISTS (SELECT 1 FROM dead_letters WHERE event = events.seq) "
        "FROM events LEFT JOIN outcomes ON outcomes.event = events.seq LEFT JOIN cursors ON cursors.queue = "
        "events.queue "
        "WHERE events.seq > ?1 AND events.seq < (SELECT max(seq) FROM events) ORDER BY events.seq LIMIT ?2");
    if (!query) return query.error();
    query->Bind(1, looked_to_).Bind(2, std::int64_t{rows});
    for (int looked_at = 0; looked_at < rows; ++looked_at) {
      auto row = query->Next();
      if (!row) return row.error();
      const std::int64_t age_ms = *row ? now_ms - query->Integer(1) : 0;
      if (!*row || (age_ms >= 0 && age_ms < options_.done_ms)) break;
      more = looked_at + 1 == rows;
      looked_to_ = query->Integer(0);
      const bool is_done = query->Integer(2) == 1;
      const bool is_of_the_future = age_ms < 0;
      const bool is_waited_for = query->Integer(3) != 0 && age_ms < options_.kept_ms;
      if (is_done && !is_of_the_future && !is_waited_for && query->Integer(4) == 0)
        over.push_back(looked_to_);
    }
  }
  for (const std::int64_t seq : over) {
    if (Status deleted = DeleteEvent(database, seq); !deleted.ok()) return deleted.error();
  }
  return more;
}

Result<bool> Retention::DeleteLetters(Database& database, std::int64_t now_ms, int rows) {
  const std::int64_t over_ms = now_ms - options_.kept_ms;
  const auto oldest_ms = OldestDeadLetter(database);
  if (!oldest_ms.ok()) return oldest_ms.error();
  if (*oldest_ms == 0 || *oldest_ms >= over_ms) return false;
  const auto purged = PurgeDeadLetters(database, {.before_ms = over_ms, .limit = rows});
  if (!purged.ok()) return purged.error();
  return *purged == rows;
}

Result<bool> Retention::DeleteNotes(Database& database, std::int64_t now_ms, int rows) {
  const auto deleted = DeleteOldNotes(database, now_ms, rows);
  if (!deleted.ok()) return deleted.error();
  return *deleted == rows;
}

}  // namespace trunkline::store
