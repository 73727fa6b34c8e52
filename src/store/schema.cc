#include "store/schema.h"

#include <string>

namespace trunkline::store {
namespace {

// kMigrations[n] turns version n into version n + 1. A row that has shipped is never edited.
constexpr const char* kMigrations[kSchemaVersion] = {
    // Rows lie in order of arrival, and no index is over the senders' random ids: those cost several times
    // the row itself.
    // Remembering ids is the ring's work. The rows are also the embedded queues: an event with a queue lies
    // in
    // it, in the order of arrival; a row of its own for that would cost a third of the event's. An event's
    // row
    // never changes: how it ended is a small row of its
    // own, because to change the
    // large one would write its page to the log a second time.
    R"sql(
      CREATE TABLE events (
        seq             INTEGER PRIMARY KEY,   -- order of arrival
        event_id        TEXT    NOT NULL,
        intent          TEXT    NOT NULL,
        step            INTEGER NOT NULL,      -- the first step that is not done
        received_at     INTEGER NOT NULL,      -- ms since 1970
        queue           TEXT,                  -- result of the publish step: the embedded queue it lies in
        published_at    INTEGER,               -- result of the publish step: ms since 1970
        idempotency_key TEXT    NOT NULL,      -- made once, the same for every try
        payload         BLOB    NOT NULL       -- the body as it came
      );
      CREATE TABLE outcomes (                  -- an event without one is unfinished
        event INTEGER PRIMARY KEY,
        state INTEGER NOT NULL                 -- 1 done, 2 dead
      );
      CREATE TABLE republished (               -- events that a replay has put into their queues again
        event INTEGER PRIMARY KEY
      );
      CREATE TABLE dead_letters (
        event     INTEGER PRIMARY KEY,
        event_id  TEXT    NOT NULL,
        step      TEXT    NOT NULL,
        code      TEXT    NOT NULL,
        status    INTEGER NOT NULL,            -- the platform's last HTTP status; 0: none came
        error     TEXT    NOT NULL,
        failed_at INTEGER NOT NULL
      );
      CREATE INDEX dead_letters_by_event_id ON dead_letters (event_id);
      CREATE TABLE tries (                     -- what was tried before an event became a dead letter
        event       INTEGER NOT NULL,
        number      INTEGER NOT NULL,          -- from 1
        at          INTEGER NOT NULL,          -- ms since 1970
        code        TEXT    NOT NULL,
        status      INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        PRIMARY KEY (event, number)
      ) WITHOUT ROWID;
    )sql",
};

}  // namespace

Status PrepareSchema(Database& database) {
  if (Status set =
          database.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; "
                           "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;");
      !set.ok()) {
    return set;
  }
  std::int64_t version = 0;
  {
    auto query = database.Prepare("PRAGMA user_version");
    if (!query) return query.error();
    auto row = query->Next();
    if (!row) return row.error();
    version = query->Integer(0);
  }
  if (version > kSchemaVersion) {
    return Error{
        .code = ErrorCode::kStoreUnavailable,
        .message = "the event store has version " + std::to_string(version) + ", this release reads up to " +
                   std::to_string(kSchemaVersion),
        .hint = "The data directory was written by a later release. Use that release, or another directory."};
  }
  for (; version < kSchemaVersion; ++version) {
    const std::string step = "BEGIN IMMEDIATE;" + std::string(kMigrations[version]) +
                             "PRAGMA user_version = " + std::to_string(version + 1) + "; COMMIT;";
    if (Status migrated = database.Execute(step.c_str()); !migrated.ok()) {
      if (database.in_transaction()) (void)database.Execute("ROLLBACK");
      return migrated;
    }
  }
  return Ok();
}

}  // namespace trunkline::store
