#include "store/database.h"

#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/disk_error.h"

namespace trunkline::store {
namespace {

// Right after the failure: errno is read.
Error Unavailable(sqlite3* handle) {
  const int reason = errno;
  const int code = handle != nullptr ? sqlite3_extended_errcode(handle) : SQLITE_NOMEM;
  Error error{.code = ErrorCode::kStoreUnavailable, .message = "the event store failed: "};
  error.message += handle != nullptr ? sqlite3_errmsg(handle) : "out of memory";
  switch (code & 0xff) {
    case SQLITE_FULL:
      error.hint = DiskHint(ENOSPC);
      break;
    case SQLITE_READONLY:
      error.hint = DiskHint(EROFS);
      break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      // SQLite's own words do not tell a disk that fails from one that was mounted read-only, and its
      // sqlite3_system_errno() knows nothing of a commit's failure.
      if (reason != 0) error = DiskError(error.message, reason);
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.hint =
          "The file is damaged or is not an event store. Move it aside and keep it: `sqlite3 FILE .recover` "
          "saves what is readable.";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      error.hint =
          "Another process has held the event store for seconds: look for one that hangs, or an open sqlite3 "
          "shell.";
      break;
    default:
      break;
  }
  return error;
}

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::Bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
  return *this;
}

Statement& Statement::Bind(int index, std::string_view text) {
  // An empty view's pointer may be null, which would bind NULL.
  sqlite3_bind_text64(statement_, index, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::Bind(int index, ByteView blob) {
  sqlite3_bind_blob64(statement_, index, blob.empty() ? "" : static_cast<const void*>(blob.data()),
                      blob.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::BindNull(int index) {
  sqlite3_bind_null(statement_, index);
  return *this;
}

Status Statement::Run() {
  auto row = Next();
  if (!row) return row.error();
  return Ok();
}

Result<bool> Statement::Next() {
  errno = 0;
  switch (sqlite3_step(statement_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return Unavailable(sqlite3_db_handle(statement_));
  }
}

std::int64_t Statement::Integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr
             ? std::string()
             : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::string Statement::Blob(int column) const {
  const auto* blob = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return blob == nullptr
             ? std::string()
             : std::string(blob, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

Result<Database> Database::Open(const std::string& path, Mode mode) {
  // This copy of SQLite is ours alone: nobody asks it how much memory it has, which it would count under a
  // lock.
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)configured;
  const int flags =
      (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
      SQLITE_OPEN_NOMUTEX;
  sqlite3* handle = nullptr;
  errno = 0;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Database database(handle);  // closes on every way out
  if (opened != SQLITE_OK) return Unavailable(handle);
  sqlite3_extended_result_codes(handle, 1);
  // Other members of the directory write too, for a millisecond or so at a time: short waits, for 5 s in all.
  sqlite3_busy_handler(
      handle,
      [](void*, int times) {
        std::this_thread::sleep_for(times < 400 ? std::chrono::microseconds(250)
                                                : std::chrono::milliseconds(5));
        return times < 400 + 980 ? 1 : 0;
      },
      nullptr);
  // In the place of SQLite's own hook, which would make a checkpoint in the middle of a commit.
  sqlite3_wal_hook(
      handle,
      [](void* pages, sqlite3*, const char*, int in_log) {
        *static_cast<int*>(pages) = in_log;
        return SQLITE_OK;
      },
      database.wal_pages_.get());
  return database;
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      wal_pages_(std::move(other.wal_pages_)),
      prepared_(std::exchange(other.prepared_, {})) {}

Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    Close();
    handle_ = std::exchange(other.handle_, nullptr);
    wal_pages_ = std::move(other.wal_pages_);
    prepared_ = std::exchange(other.prepared_, {});
  }
  return *this;
}

Database::~Database() { Close(); }

void Database::Close() {
  for (const auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  prepared_.clear();
  sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

Status Database::Execute(const char* sql) {
  errno = 0;
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return Unavailable(handle_);
  return Ok();
}

Result<Statement> Database::Prepare(std::string_view sql) {
  if (const auto known = prepared_.find(sql); known != prepared_.end()) return Statement(known->second);
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &statement, nullptr) != SQLITE_OK) {
    return Unavailable(handle_);
  }
  prepared_.emplace(sqlite3_sql(statement), statement);
  return Statement(statement);
}

std::int64_t Database::last_insert_rowid() const { return sqlite3_last_insert_rowid(handle_); }
int Database::changes() const { return sqlite3_changes(handle_); }
int Database::wal_pages() const { return *wal_pages_; }

Result<int> Database::Checkpoint() {
  int in_log = 0;
  int copied = 0;
  errno = 0;
  const int done = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  // Busy: another process is at it.
  if (done != SQLITE_OK && done != SQLITE_BUSY) return Unavailable(handle_);
  return in_log - copied;
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

}  // namespace trunkline::store
