#include "store/schema.h"

#include <string>

namespace trunkline::store {
namespace {

// kMigrations[n] turns version n into version n + 1. A row that has shipped is never edited.
constexpr const char* kMigrations[kSchemaVersion] = {
    // Rows lie in order of arrival, and no index is over the senders' random ids: those cost several times
    // the
    // row itself. Remembering ids is the ring's work. The rows are also the embedded queues: an event lies in
    // its queue in the order of arrival, and a row of its own for that would cost a third of the event's. An
    // event's row never changes: what becomes of it are small rows elsewhere, because to change the large one
    // would write its page to the log a second time.
    R"sql(
      CREATE TABLE events (
        seq             INTEGER PRIMARY KEY,   -- order of arrival; the highest one is never deleted, so that none is given twice
        event_id        TEXT    NOT NULL,
        intent          TEXT    NOT NULL,
        member          INTEGER NOT NULL,      -- who accepted it: a number of the directory's membership
        received_at     INTEGER NOT NULL,      -- ms since 1970
        queue           TEXT    NOT NULL,
        published_at    INTEGER,               -- ms since 1970: it lies in the embedded queue of that name; null: the queue is elsewhere
        idempotency_key TEXT    NOT NULL,      -- made once, the same for every try
        payload         BLOB    NOT NULL       -- the body as it came
      );
      CREATE TABLE outcomes (                  -- an event without one is unfinished
        event INTEGER PRIMARY KEY,
        state INTEGER NOT NULL                 -- 1 done, 2 dead
      );
      CREATE TABLE published (                 -- events that lie in a queue elsewhere
        event INTEGER PRIMARY KEY,
        at    INTEGER NOT NULL                 -- ms since 1970
      );
      CREATE TABLE custody (                   -- events that another member works on than the one who accepted them
        event  INTEGER PRIMARY KEY,
        member INTEGER NOT NULL
      );
      CREATE TABLE dead_letters (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of failing
        event     INTEGER NOT NULL,
        event_id  TEXT    NOT NULL,
        intent    TEXT    NOT NULL,
        step      INTEGER NOT NULL,            -- 0 publish, 1 request, 2 consume
        code      TEXT    NOT NULL,
        status    INTEGER NOT NULL,            -- the platform's last HTTP status; 0: none came
        error     TEXT    NOT NULL,
        failed_at INTEGER NOT NULL,            -- ms since 1970
        UNIQUE (event, step)
      );
      CREATE INDEX dead_letters_by_event_id ON dead_letters (event_id);
      CREATE TABLE tries (                     -- that failed, of events that are or were dead letters
        event       INTEGER NOT NULL,
        step        INTEGER NOT NULL,
        number      INTEGER NOT NULL,          -- from 1
        at          INTEGER NOT NULL,          -- ms since 1970
        code        TEXT    NOT NULL,
        status      INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        PRIMARY KEY (event, step, number)
      ) WITHOUT ROWID;
      CREATE TABLE cursors (                   -- how far each embedded queue has been read; none: nobody ever read it
        queue TEXT    PRIMARY KEY,
        seq   INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE taken (                     -- messages up to the cursor that are not done
        event      INTEGER PRIMARY KEY,
        queue      TEXT    NOT NULL,
        due_at     INTEGER NOT NULL,           -- ms since 1970: from then on it may be taken (again)
        member     INTEGER,                    -- who has it
        deliveries INTEGER NOT NULL            -- how often it was handed out
      );
      CREATE INDEX taken_by_queue ON taken (queue, due_at);
    )sql",
    R"sql(
      CREATE TABLE notes (                     -- what a service wants to find again, for a while
        key        TEXT    PRIMARY KEY,
        value      TEXT    NOT NULL,
        expires_at INTEGER NOT NULL            -- ms since 1970
      ) WITHOUT ROWID;
      CREATE INDEX notes_by_expiry ON notes (expires_at);
    )sql",
};

}  // namespace

Status PrepareSchema(Database& database) {
  if (Status set =
          database.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; "
                           "PRAGMA temp_store = MEMORY;");
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
