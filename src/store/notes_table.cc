#include "store/notes_table.h"

namespace trunkline::store {

Status PutNote(Database& database, std::string_view key, std::string_view value, std::int64_t expires_at_ms) {
  auto put = database.Prepare("INSERT OR REPLACE INTO notes (key, value, expires_at) VALUES (?1, ?2, ?3)");
  if (!put) return put.error();
  return put->Bind(1, key).Bind(2, value).Bind(3, expires_at_ms).Run();
}

Result<std::optional<std::string>> FindNote(Database& database, std::string_view key, std::int64_t now_ms) {
  auto query = database.Prepare("SELECT value FROM notes WHERE key = ?1 AND expires_at > ?2");
  if (!query) return query.error();
  auto row = query->Bind(1, key).Bind(2, now_ms).Next();
  if (!row) return row.error();
  if (!*row) return std::optional<std::string>();
  return std::optional<std::string>(query->Text(0));
}

Result<int> DeleteOldNotes(Database& database, std::int64_t now_ms, int rows) {
  auto drop = database.Prepare(
      "DELETE FROM notes WHERE key IN (SELECT key FROM notes WHERE expires_at <= ?1 ORDER BY expires_at "
      "LIMIT "
      "?2)");
  if (!drop) return drop.error();
  if (Status dropped = drop->Bind(1, now_ms).Bind(2, std::int64_t{rows}).Run(); !dropped.ok())
    return dropped.error();
  return database.changes();
}

}  // namespace trunkline::store
