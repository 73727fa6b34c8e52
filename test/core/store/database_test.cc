// The SQLite wrapper: values survive as they are, and failures come as results.
#include "store/database.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

using namespace std::string_literals;

Database Make(const std::string& path) {
  return std::move(Database::Open(path, Database::Mode::kReadWrite)).value();
}

TEST(Database, ValuesComeBackAsTheyWere) {
  const test::TempDirectory directory;
  Database database = Make(directory.path("a.db"));
  ASSERT_TRUE(database.Execute("CREATE TABLE t (i INTEGER, s TEXT, b BLOB)").ok());
  const std::string texts[] = {"", "plain", "\xC3\xBC\xF0\x9F\x98\x80", "a\0b"s, "'; DROP TABLE t; --"};
  for (const std::string& text : texts) {
    auto insert = database.Prepare("INSERT INTO t VALUES (?1, ?2, ?3)");
    ASSERT_TRUE(insert.ok());
    ASSERT_TRUE(insert->Bind(1, std::int64_t{-1} << 63).Bind(2, text).Bind(3, AsBytes(text)).Run().ok());
  }
  auto query = database.Prepare("SELECT i, s, b FROM t ORDER BY rowid");
  ASSERT_TRUE(query.ok());
  for (const std::string& text : texts) {
    const auto row = query->Next();
    ASSERT_TRUE(row.ok() && *row);
    EXPECT_EQ(query->Integer(0), std::int64_t{-1} << 63);
    EXPECT_EQ(query->Text(1), text);
    EXPECT_EQ(query->Blob(2), text);
    EXPECT_FALSE(query->IsNull(1)) << "an empty text is not NULL";
    EXPECT_FALSE(query->IsNull(2));
  }
  const auto end = query->Next();
  EXPECT_TRUE(end.ok() && !*end);
}

TEST(Database, AStatementIsResetForItsNextUse) {
  const test::TempDirectory directory;
  Database database = Make(directory.path("a.db"));
  ASSERT_TRUE(database.Execute("CREATE TABLE t (a, b)").ok());
  for (int i = 0; i < 3; ++i) {
    auto insert = database.Prepare("INSERT INTO t VALUES (?1, ?2)");
    ASSERT_TRUE(insert.ok());
    insert->Bind(1, i);
    if (i == 0) insert->Bind(2, "only the first time");
    ASSERT_TRUE(insert->Run().ok());
    EXPECT_EQ(database.last_insert_rowid(), i + 1);
    EXPECT_EQ(database.changes(), 1);
  }
  auto query = database.Prepare("SELECT count(*) FROM t WHERE b IS NULL");
  ASSERT_TRUE(query.ok() && query->Next().ok());
  EXPECT_EQ(query->Integer(0), 2) << "bindings do not stay";
}

TEST(Database, TransactionsAreSeen) {
  const test::TempDirectory directory;
  Database database = Make(directory.path("a.db"));
  EXPECT_FALSE(database.in_transaction());
  ASSERT_TRUE(database.Execute("BEGIN").ok());
  EXPECT_TRUE(database.in_transaction());
  ASSERT_TRUE(database.Execute("ROLLBACK").ok());
  EXPECT_FALSE(database.in_transaction());
}

TEST(Database, FailuresAreResultsWithWhatToDo) {
  const test::TempDirectory directory;
  Database database = Make(directory.path("a.db"));
  EXPECT_EQ(database.Execute("nonsense").error().code, ErrorCode::kStoreUnavailable);
  EXPECT_EQ(database.Prepare("SELECT * FROM nowhere").error().code, ErrorCode::kStoreUnavailable);

  const auto missing = Database::Open(directory.path("no/such/a.db"), Database::Mode::kReadWrite);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().hint.find("exists"), std::string::npos);
  EXPECT_FALSE(Database::Open(directory.path("none.db"), Database::Mode::kReadOnly).ok());

  std::ofstream(directory.path("garbage.db")) << std::string(8192, 'x');
  Database garbage = Make(directory.path("garbage.db"));
  const auto read = garbage.Execute("SELECT * FROM sqlite_master");
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().hint.find(".recover"), std::string::npos);
}

TEST(Database, AReaderDoesNotWrite) {
  const test::TempDirectory directory;
  Database writer = Make(directory.path("a.db"));
  ASSERT_TRUE(writer.Execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a)").ok());
  auto reader = Database::Open(directory.path("a.db"), Database::Mode::kReadOnly);
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE(reader->Execute("SELECT * FROM t").ok());
  const auto written = reader->Execute("INSERT INTO t VALUES (1)");
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().hint.find("read-only"), std::string::npos);
}

TEST(Database, MovesWithItsStatements) {
  const test::TempDirectory directory;
  Database first = Make(directory.path("a.db"));
  ASSERT_TRUE(first.Prepare("SELECT 1").ok());
  Database second = std::move(first);
  ASSERT_TRUE(second.Prepare("SELECT 1").ok());
  second = Make(directory.path("b.db"));
  EXPECT_TRUE(second.Execute("CREATE TABLE t (a)").ok());
}

}  // namespace
}  // namespace trunkline::store
