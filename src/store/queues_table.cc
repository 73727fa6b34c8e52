#include "store/queues_table.h"

#include "store/dead_letters_table.h"
#include "store/events_table.h"

namespace trunkline::store {
namespace {

constexpr int kMostRowsLookedAt = 1000;  // in one transaction: a commit must not wait for a long look

struct Due {
  std::int64_t seq;
  int deliveries;
};

// Messages that were handed out before, and are due again.
Result<std::vector<Due>> ReadDue(Database& database, const std::string& queue, int limit,
                                 std::int64_t now_ms) {
  std::vector<Due> due;
  auto query = database.Prepare(
      "SELECT event, deliveries FROM taken WHERE queue = ?1 AND due_at <= ?2 ORDER BY due_at, event LIMIT "
      "?3");
  if (!query) return query.error();
  query->Bind(1, queue).Bind(2, now_ms).Bind(3, std::int64_t{limit});
  for (;;) {
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return due;
    due.push_back({query->Integer(0), static_cast<int>(query->Integer(1))});
  }
}

Result<std::int64_t> ReadCursor(Database& database, const std::string& queue) {
  auto query = database.Prepare("SELECT seq FROM cursors WHERE queue = ?1");
  if (!query) return query.error();
  query->Bind(1, queue);
  auto row = query->Next();
  if (!row) return row.error();
  return *row ? query->Integer(0) : 0;
}

Status WriteCursor(Database& database, const std::string& queue, std::int64_t seq) {
  auto insert = database.Prepare("INSERT OR REPLACE INTO cursors (queue, seq) VALUES (?1, ?2)");
  if (!insert) return insert.error();
  return insert->Bind(1, queue).Bind(2, seq).Run();
}

Result<std::int64_t> ReadNextDue(Database& database, const std::string& queue) {
  auto query = database.Prepare("SELECT min(due_at) FROM taken WHERE queue = ?1");
  if (!query) return query.error();
  query->Bind(1, queue);
  auto row = query->Next();
  if (!row) return row.error();
  return query->Integer(0);
}

struct NewMessages {
  std::vector<std::int64_t> seqs;
  std::int64_t looked_to = 0;  // the last row looked at
  bool at_end = true;
};

Result<NewMessages> ReadNew(Database& database, const std::string& queue, std::size_t limit,
                            std::int64_t cursor) {
  NewMessages found;
  found.looked_to = cursor;
  auto query = database.Prepare(
      "SELECT seq, queue = ?2 AND published_at IS NOT NULL FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?3");
  if (!query) return query.error();
  query->Bind(1, cursor).Bind(2, queue).Bind(3, std::int64_t{kMostRowsLookedAt});
  for (int looked_at = 0;; ++looked_at) {
    found.at_end = looked_at < kMostRowsLookedAt;
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return found;
    found.looked_to = query->Integer(0);
    if (query->Integer(1) != 0) found.seqs.push_back(found.looked_to);
    if (found.seqs.size() == limit) {
      found.at_end = false;
      return found;
    }
  }
}

Status WriteTaken(Database& database, std::int64_t seq, const std::string& queue, std::int64_t due_ms,
                  int member, int deliveries) {
  auto insert = database.Prepare(
      "INSERT OR REPLACE INTO taken (event, queue, due_at, member, deliveries) VALUES (?1, ?2, ?3, ?4, ?5)");
  if (!insert) return insert.error();
  insert->Bind(1, seq).Bind(2, queue).Bind(3, due_ms).Bind(4, std::int64_t{member});
  return insert->Bind(5, std::int64_t{deliveries}).Run();
}

}  // namespace

Result<TakenMessages> TakeMessages(Database& database, const std::string& queue, int limit, int member,
                                   std::int64_t now_ms, std::int64_t until_ms) {
  TakenMessages taken;
  const auto hand_out = [&](std::int64_t seq, int deliveries) -> Status {
    auto event = ReadEvent(database, seq);
    if (!event) return event.error();
    // Its time was over before somebody took it.
    if (!event->has_value()) return RunWith(database, "DELETE FROM taken WHERE event = ?1", seq);
    taken.messages.push_back({std::move(**event), deliveries});
    return WriteTaken(database, seq, queue, until_ms, member, deliveries);
  };
  const auto due = ReadDue(database, queue, limit, now_ms);
  if (!due.ok()) return due.error();
  for (const auto& [seq, deliveries] : *due) {
    if (Status handed = hand_out(seq, deliveries + 1); !handed.ok()) return handed.error();
  }
  if (static_cast<int>(due->size()) >= limit) {
    taken.look_again = true;
    return taken;
  }
  const auto cursor = ReadCursor(database, queue);
  if (!cursor.ok()) return cursor.error();
  const auto found = ReadNew(database, queue, static_cast<std::size_t>(limit) - due->size(), *cursor);
  if (!found.ok()) return found.error();
  for (const std::int64_t seq : found->seqs) {
    if (Status handed = hand_out(seq, 1); !handed.ok()) return handed.error();
  }
  taken.look_again = !found->at_end;
  const auto next_due = ReadNextDue(database, queue);
  if (!next_due.ok()) return next_due.error();
  taken.next_due_at = *next_due;
  if (found->looked_to == *cursor && *cursor > 0) return taken;
  if (Status moved = WriteCursor(database, queue, found->looked_to); !moved.ok()) return moved.error();
  return taken;
}

Status AckMessage(Database& database, std::int64_t seq, int deliveries) {
  auto remove = database.Prepare("DELETE FROM taken WHERE event = ?1 AND deliveries = ?2");
  if (!remove) return remove.error();
  return remove->Bind(1, seq).Bind(2, std::int64_t{deliveries}).Run();
}

Status NackMessage(Database& database, std::int64_t seq, int deliveries, std::int64_t due_ms,
                   const Try& failed) {
  auto update =
      database.Prepare("UPDATE taken SET due_at = ?3, member = NULL WHERE event = ?1 AND deliveries = ?2");
  if (!update) return update.error();
  if (Status done = update->Bind(1, seq).Bind(2, std::int64_t{deliveries}).Bind(3, due_ms).Run(); !done.ok())
    return done;
  return database.changes() == 0 ? Ok() : AppendTries(database, seq, Step::kConsume, {failed});
}

Result<bool> BuryMessage(Database& database, const DeadLetter& letter, int deliveries) {
  if (Status removed = AckMessage(database, letter.seq, deliveries); !removed.ok()) return removed.error();
  if (database.changes() == 0) return false;
  if (Status buried = InsertDeadLetter(database, letter); !buried.ok()) return buried.error();
  return true;
}

Result<bool> RequeueMessage(Database& database, std::int64_t seq, std::int64_t now_ms) {
  auto remove = database.Prepare("DELETE FROM dead_letters WHERE event = ?1 AND step = ?2");
  if (!remove) return remove.error();
  remove->Bind(1, seq).Bind(2, static_cast<std::int64_t>(Step::kConsume));
  if (Status removed = remove->Run(); !removed.ok()) return removed.error();
  if (database.changes() == 0) return false;
  auto insert = database.Prepare(
      "INSERT OR IGNORE INTO taken (event, queue, due_at, deliveries) SELECT seq, queue, ?2, 0 FROM events "
      "WHERE seq = ?1");
  if (!insert) return insert.error();
  if (Status done = insert->Bind(1, seq).Bind(2, now_ms).Run(); !done.ok()) return done.error();
  return true;
}

Status ReleaseMessages(Database& database, int member) {
  return RunWith(database, "UPDATE taken SET due_at = 0, member = NULL WHERE member = ?1", member);
}

Result<std::vector<QueueDepth>> ReadQueueDepths(Database& database) {
  std::vector<QueueDepth> depths;
  auto query = database.Prepare(
      "SELECT queue, sum(is_ready), sum(is_taken), min(published_at), max(was_read) FROM ("
      "  SELECT events.queue, 1 AS is_ready, 0 AS is_taken, published_at, cursors.seq IS NOT NULL AS "
      "was_read "
      "  FROM events LEFT JOIN cursors ON cursors.queue = events.queue "
      "  WHERE published_at IS NOT NULL AND events.seq > COALESCE(cursors.seq, 0) "
      "  UNION ALL "
      "  SELECT taken.queue, 0, 1, published_at, 1 FROM taken JOIN events ON events.seq = taken.event "
      "  UNION ALL "
      "  SELECT queue, 0, 0, NULL, 1 FROM cursors"
      ") GROUP BY queue ORDER BY queue");
  if (!query) return query.error();
  for (;;) {
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return depths;
    depths.push_back({.queue = query->Text(0),
                      .ready = query->Integer(1),
                      .taken = query->Integer(2),
                      .oldest_at = query->Integer(3),
                      .read = query->Integer(4) != 0});
  }
}

}  // namespace trunkline::store
