#include "store/dead_letters_table.h"

#include "store/events_table.h"

namespace trunkline::store {
namespace {

Result<std::vector<Try>> ReadTries(Database& database, std::int64_t seq, Step step) {
  std::vector<Try> tries;
  auto query = database.Prepare(
      "SELECT at, code, status, duration_ms FROM tries WHERE event = ?1 AND step = ?2 ORDER BY number");
  if (!query) return query.error();
  query->Bind(1, seq).Bind(2, static_cast<std::int64_t>(step));
  for (;;) {
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return tries;
    tries.push_back({.at = query->Integer(0),
                     .code = query->Text(1),
                     .status = static_cast<int>(query->Integer(2)),
                     .duration_ms = query->Integer(3)});
  }
}

Result<std::int64_t> LastTry(Database& database, std::int64_t seq, Step step) {
  auto query = database.Prepare("SELECT max(number) FROM tries WHERE event = ?1 AND step = ?2");
  if (!query) return query.error();
  query->Bind(1, seq).Bind(2, static_cast<std::int64_t>(step));
  auto row = query->Next();
  if (!row) return row.error();
  return query->Integer(0);
}

// One text for every filter: what is not asked for is bound as NULL.
#define LETTERS_THAT_FIT                                                                                   \
  "FROM dead_letters WHERE id > ?1 AND (?2 IS NULL OR event_id = ?2) AND (?3 IS NULL OR failed_at >= ?3) " \
  "AND (?4 IS NULL OR failed_at < ?4) AND (?5 IS NULL OR step = ?5) AND (?6 IS NULL OR code = ?6) "        \
  "AND (?7 IS NULL OR intent = ?7) ORDER BY id LIMIT ?8"

void BindFilter(Statement& statement, const DeadLetterFilter& filter) {
  statement.Bind(1, filter.after_id);
  if (filter.event_id) statement.Bind(2, *filter.event_id);
  if (filter.since_ms) statement.Bind(3, *filter.since_ms);
  if (filter.before_ms) statement.Bind(4, *filter.before_ms);
  if (filter.step) statement.Bind(5, static_cast<std::int64_t>(*filter.step));
  if (filter.code) statement.Bind(6, *filter.code);
  if (filter.intent) statement.Bind(7, *filter.intent);
  statement.Bind(8, filter.limit);
}

// An event that was a dead letter alone goes with it; one that is done or under way stays as long as others
// do.
Status DeleteLetter(Database& database, std::int64_t id, std::int64_t seq, Step step) {
  if (Status deleted = RunWith(database, "DELETE FROM dead_letters WHERE id = ?1", id); !deleted.ok())
    return deleted;
  auto forget = database.Prepare("DELETE FROM tries WHERE event = ?1 AND step = ?2");
  if (!forget) return forget.error();
  if (Status done = forget->Bind(1, seq).Bind(2, static_cast<std::int64_t>(step)).Run(); !done.ok())
    return done;
  auto alone = database.Prepare(
      "SELECT 1 FROM outcomes WHERE event = ?1 AND state = 2 AND NOT EXISTS (SELECT 1 FROM dead_letters "
      "WHERE "
      "event = ?1) AND NOT EXISTS (SELECT 1 FROM taken WHERE event = ?1) AND ?1 < (SELECT max(seq) FROM "
      "events)");
  if (!alone) return alone.error();
  alone->Bind(1, seq);
  auto row = alone->Next();
  if (!row) return row.error();
  if (!*row) return Ok();
  return DeleteEvent(database, seq);
}

}  // namespace

Status InsertDeadLetter(Database& database, const DeadLetter& letter) {
  auto insert = database.Prepare(
      "INSERT OR REPLACE INTO dead_letters (event, event_id, intent, step, code, status, error, failed_at) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  if (!insert) return insert.error();
  insert->Bind(1, letter.seq).Bind(2, letter.event_id).Bind(3, letter.intent);
  insert->Bind(4, static_cast<std::int64_t>(letter.step));
  insert->Bind(5, letter.code).Bind(6, letter.status).Bind(7, letter.error).Bind(8, letter.failed_at);
  if (Status done = insert->Run(); !done.ok()) return done;
  return AppendTries(database, letter.seq, letter.step, letter.tries);
}

Status AppendTries(Database& database, std::int64_t seq, Step step, const std::vector<Try>& tries) {
  const auto last = LastTry(database, seq, step);
  if (!last.ok()) return last.error();
  std::int64_t number = *last;
  for (const Try& one : tries) {
    auto add = database.Prepare(
        "INSERT INTO tries (event, step, number, at, code, status, duration_ms) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    if (!add) return add.error();
    add->Bind(1, seq).Bind(2, static_cast<std::int64_t>(step)).Bind(3, ++number).Bind(4, one.at);
    add->Bind(5, one.code).Bind(6, one.status).Bind(7, one.duration_ms);
    if (Status added = add->Run(); !added.ok()) return added;
  }
  if (number <= kMaxTriesKept) return Ok();
  auto trim = database.Prepare("DELETE FROM tries WHERE event = ?1 AND step = ?2 AND number <= ?3");
  if (!trim) return trim.error();
  return trim->Bind(1, seq).Bind(2, static_cast<std::int64_t>(step)).Bind(3, number - kMaxTriesKept).Run();
}

Result<std::int64_t> OldestDeadLetter(Database& database) {
  auto query = database.Prepare("SELECT failed_at FROM dead_letters ORDER BY id LIMIT 1");
  if (!query) return query.error();
  auto row = query->Next();
  if (!row) return row.error();
  return *row ? query->Integer(0) : 0;
}

Result<std::int64_t> NewestDeadLetter(Database& database) {
  auto query = database.Prepare("SELECT max(id) FROM dead_letters");
  if (!query) return query.error();
  auto row = query->Next();
  if (!row) return row.error();
  return query->Integer(0);
}

Result<std::vector<DeadLetter>> ReadDeadLetters(Database& database, const DeadLetterFilter& filter) {
  std::vector<DeadLetter> letters;
  auto query = database.Prepare(
      "SELECT id, event, event_id, intent, step, code, status, error, failed_at " LETTERS_THAT_FIT);
  if (!query) return query.error();
  BindFilter(*query, filter);
  for (;;) {
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return letters;
    const auto step = static_cast<Step>(query->Integer(4));
    auto tries = ReadTries(database, query->Integer(1), step);
    if (!tries) return tries.error();
    letters.push_back({.id = query->Integer(0),
                       .seq = query->Integer(1),
                       .event_id = query->Text(2),
                       .intent = query->Text(3),
                       .step = step,
                       .code = query->Text(5),
                       .status = static_cast<int>(query->Integer(6)),
                       .error = query->Text(7),
                       .tries = std::move(*tries),
                       .failed_at = query->Integer(8)});
  }
}

Result<std::int64_t> PurgeDeadLetters(Database& database, const DeadLetterFilter& filter) {
  struct Found {
    std::int64_t id, seq;
    Step step;
  };
  std::vector<Found> found;
  {
    auto query = database.Prepare("SELECT id, event, step " LETTERS_THAT_FIT);
    if (!query) return query.error();
    BindFilter(*query, filter);
    for (;;) {
      auto row = query->Next();
      if (!row) return row.error();
      if (!*row) break;
      found.push_back({query->Integer(0), query->Integer(1), static_cast<Step>(query->Integer(2))});
    }
  }
  for (const auto& [id, seq, step] : found) {
    if (Status deleted = DeleteLetter(database, id, seq, step); !deleted.ok()) return deleted.error();
  }
  return static_cast<std::int64_t>(found.size());
}

#undef LETTERS_THAT_FIT

}  // namespace trunkline::store
