// SQLite, owned: a connection and its prepared statements, with results instead of return codes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace trunkline::store {

// A prepared statement in use. Parameters count from 1, columns from 0. Going out of scope resets it for the
// next use.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  ~Statement();
  Statement(Statement&& other) noexcept : statement_(other.statement_) { other.statement_ = nullptr; }
  Statement& operator=(Statement&&) = delete;

  // The bound memory stays valid until Run or the last Next.
  Statement& Bind(int index, std::int64_t value);
  Statement& Bind(int index, std::string_view text);
  Statement& Bind(int index, ByteView blob);
  Statement& BindNull(int index);

  Status Run();         // for statements that give no rows
  Result<bool> Next();  // true: a row is there

  std::int64_t Integer(int column) const;
  std::string Text(int column) const;
  std::string Blob(int column) const;
  bool IsNull(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// One connection. One thread at a time. Every failure is STORE_UNAVAILABLE with SQLite's reason.
class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  static Result<Database> Open(const std::string& path, Mode mode);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  Status Execute(const char* sql);  // no parameters, no rows; may hold several statements
  Result<Statement> Prepare(
      std::string_view sql);  // prepared once per text, then reused; not while the same text is in use
  std::int64_t last_insert_rowid() const;
  int changes() const;
  bool in_transaction() const;

  // All that `work` writes, or nothing of it: where it does not return Ok(), or the commit fails.
  template <typename Work>
  Status Transact(Work&& work) {
    if (Status begun = Execute("BEGIN IMMEDIATE"); !begun.ok()) return begun;
    Status done = work();
    if (done.ok()) done = Execute("COMMIT");
    if (!done.ok() && in_transaction()) (void)Execute("ROLLBACK");
    return done;
  }

  // Copies the write-ahead log into the file as far as nobody has to wait for it (a passive checkpoint): how
  // many of its pages are left.
  Result<int> Checkpoint();
  int wal_pages() const;  // in the log after this connection's last commit

 private:
  explicit Database(sqlite3* handle) : handle_(handle), wal_pages_(std::make_unique<int>(0)) {}
  void Close();
  sqlite3* handle_ = nullptr;
  std::unique_ptr<int> wal_pages_;  // where SQLite's hook writes it: it stays there when this moves
  std::unordered_map<std::string_view, sqlite3_stmt*> prepared_;  // keyed by the statements' own text
};

}  // namespace trunkline::store
