#include "store/events_table.h"

namespace trunkline::store {
namespace {

// In the order of ReadRow.
#define EVENT_COLUMNS                                                            \
  "seq, event_id, intent, received_at, queue, events.published_at IS NOT NULL, " \
  "COALESCE(events.published_at, published.at), idempotency_key, payload"
#define EVENTS_WITH_STATE                                     \
  "events LEFT JOIN outcomes ON outcomes.event = events.seq " \
  "LEFT JOIN published ON published.event = events.seq "

StoredEvent ReadRow(const Statement& row) {
  return {.seq = row.Integer(0),
          .event_id = row.Text(1),
          .intent = row.Text(2),
          .received_at = row.Integer(3),
          .queue = row.Text(4),
          .embedded = row.Integer(5) != 0,
          .published_at = row.Integer(6),
          .idempotency_key = row.Text(7),
          .payload = row.Blob(8)};
}

EventState StateOf(const Statement& row, int column) {
  return static_cast<EventState>(row.Integer(column));  // NULL reads as 0
}

}  // namespace

Status RunWith(Database& database, std::string_view sql, std::int64_t parameter) {
  auto statement = database.Prepare(sql);
  if (!statement) return statement.error();
  return statement->Bind(1, parameter).Run();
}

Status InsertEvent(Database& database, StoredEvent& event, int member, std::int64_t now_ms) {
  auto insert = database.Prepare(
      "INSERT INTO events (event_id, intent, member, received_at, queue, published_at, idempotency_key, "
      "payload) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  if (!insert) return insert.error();
  insert->Bind(1, event.event_id)
      .Bind(2, event.intent)
      .Bind(3, std::int64_t{member})
      .Bind(4, event.received_at);
  insert->Bind(5, event.queue).Bind(7, event.idempotency_key).Bind(8, AsBytes(event.payload));
  if (event.embedded) {
    event.published_at = now_ms;
    insert->Bind(6, now_ms);
  }
  if (Status done = insert->Run(); !done.ok()) return done;
  event.seq = database.last_insert_rowid();
  return Ok();
}

Status SetPublished(Database& database, std::int64_t seq, std::int64_t at_ms) {
  auto insert = database.Prepare("INSERT OR REPLACE INTO published (event, at) VALUES (?1, ?2)");
  if (!insert) return insert.error();
  return insert->Bind(1, seq).Bind(2, at_ms).Run();
}

Status SetOutcome(Database& database, std::int64_t seq, EventState state) {
  auto insert = database.Prepare("INSERT OR REPLACE INTO outcomes (event, state) VALUES (?1, ?2)");
  if (!insert) return insert.error();
  return insert->Bind(1, seq).Bind(2, static_cast<std::int64_t>(state)).Run();
}

Result<bool> ReopenEvent(Database& database, std::int64_t seq, int member, bool from_start,
                         std::int64_t now_ms) {
  if (Status deleted = RunWith(database, "DELETE FROM outcomes WHERE event = ?1", seq); !deleted.ok())
    return deleted.error();
  if (database.changes() == 0) return false;
  if (Status deleted = RunWith(database, "DELETE FROM dead_letters WHERE event = ?1 AND step <> 2", seq);
      !deleted.ok())
    return deleted.error();
  if (Status taken = TakeCustody(database, seq, member); !taken.ok()) return taken.error();
  if (!from_start) return true;
  if (Status deleted = RunWith(database, "DELETE FROM published WHERE event = ?1", seq); !deleted.ok())
    return deleted.error();
  // Once more in its embedded queue: as a message that has been read before and is due again.
  auto again = database.Prepare(
      "INSERT OR IGNORE INTO taken (event, queue, due_at, deliveries) "
      "SELECT seq, queue, ?2, 0 FROM events WHERE seq = ?1 AND published_at IS NOT NULL");
  if (!again) return again.error();
  if (Status done = again->Bind(1, seq).Bind(2, now_ms).Run(); !done.ok()) return done.error();
  return true;
}

Result<std::optional<FoundEvent>> FindEvent(Database& database, const std::string& event_id) {
  // A dead letter is found by its index; anything else by a scan from the newest on, which only a replay by
  // hand pays for.
  for (const char* sql :
       {"SELECT " EVENT_COLUMNS ", state FROM " EVENTS_WITH_STATE
        "WHERE seq = (SELECT max(event) FROM dead_letters WHERE event_id = ?1 AND step <> 2)",
        "SELECT " EVENT_COLUMNS ", state FROM " EVENTS_WITH_STATE
        "WHERE event_id = ?1 ORDER BY seq DESC LIMIT 1"}) {
    auto query = database.Prepare(sql);
    if (!query) return query.error();
    query->Bind(1, event_id);
    auto row = query->Next();
    if (!row) return row.error();
    if (*row) return std::optional<FoundEvent>({ReadRow(*query), StateOf(*query, 9)});
  }
  return std::optional<FoundEvent>();
}

Result<std::optional<StoredEvent>> ReadEvent(Database& database, std::int64_t seq) {
  auto query = database.Prepare("SELECT " EVENT_COLUMNS " FROM " EVENTS_WITH_STATE "WHERE seq = ?1");
  if (!query) return query.error();
  query->Bind(1, seq);
  auto row = query->Next();
  if (!row) return row.error();
  return *row ? std::optional<StoredEvent>(ReadRow(*query)) : std::nullopt;
}

Result<std::vector<LeftEvent>> ReadUnfinished(Database& database, const MemberTest& is_gone) {
  std::vector<LeftEvent> unfinished;
  auto query = database.Prepare(
      "SELECT " EVENT_COLUMNS ", COALESCE(custody.member, events.member) FROM " EVENTS_WITH_STATE
      "LEFT JOIN custody ON custody.event = events.seq WHERE state IS NULL ORDER BY seq");
  if (!query) return query.error();
  for (;;) {
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return unfinished;
    const int member = static_cast<int>(query->Integer(9));
    if (is_gone(member)) unfinished.push_back({ReadRow(*query), member});
  }
}

Status ReadIds(Database& database, std::int64_t oldest_ms,
               const std::function<void(const RememberedId&)>& on_id) {
  auto query = database.Prepare(
      "SELECT event_id, state, received_at FROM events LEFT JOIN outcomes ON outcomes.event = events.seq "
      "WHERE state IS NULL OR received_at >= ?1 ORDER BY seq");
  if (!query) return query.error();
  query->Bind(1, oldest_ms);
  for (;;) {
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return Ok();
    on_id({query->Text(0), !query->IsNull(1), query->Integer(2)});
  }
}

Status TakeCustody(Database& database, std::int64_t seq, int member) {
  auto insert = database.Prepare("INSERT OR REPLACE INTO custody (event, member) VALUES (?1, ?2)");
  if (!insert) return insert.error();
  return insert->Bind(1, seq).Bind(2, std::int64_t{member}).Run();
}

Status DeleteEvent(Database& database, std::int64_t seq) {
  for (const char* sql : {"DELETE FROM events WHERE seq = ?1", "DELETE FROM outcomes WHERE event = ?1",
                          "DELETE FROM published WHERE event = ?1", "DELETE FROM custody WHERE event = ?1",
                          "DELETE FROM taken WHERE event = ?1", "DELETE FROM tries WHERE event = ?1"}) {
    if (Status deleted = RunWith(database, sql, seq); !deleted.ok()) return deleted;
  }
  return Ok();
}

#undef EVENT_COLUMNS
#undef EVENTS_WITH_STATE

}  // namespace trunkline::store
