// The schema: made once, found again, and refused when a later release made it.
#include "store/schema.h"

#include <gtest/gtest.h>

#include <string>

#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

Database Make(const std::string& path) {
  return std::move(Database::Open(path, Database::Mode::kReadWrite)).value();
}

std::string OneValue(Database& database, const char* sql) {
  auto query = database.Prepare(sql);
  if (!query) return query.error().message;
  auto row = query->Next();
  return row.ok() && *row ? query->Text(0) : "nothing";
}

TEST(Schema, IsMadeOnceAndKept) {
  const test::TempDirectory directory;
  {
    Database database = Make(directory.path("a.db"));
    ASSERT_TRUE(PrepareSchema(database).ok());
    ASSERT_TRUE(database.Execute("INSERT INTO published VALUES (7, 8)").ok());
  }
  Database database = Make(directory.path("a.db"));
  ASSERT_TRUE(PrepareSchema(database).ok());
  EXPECT_EQ(OneValue(database, "SELECT event FROM published"), "7");
  EXPECT_EQ(OneValue(database, "PRAGMA user_version"), std::to_string(kSchemaVersion));
}

TEST(Schema, AFileOfVersionOneKeepsItsRowsAndGetsNotes) {
  const test::TempDirectory directory;
  Database database = Make(directory.path("a.db"));
  ASSERT_TRUE(PrepareSchema(database).ok());
  ASSERT_TRUE(
      database.Execute("DROP TABLE notes; PRAGMA user_version = 1; INSERT INTO published VALUES (7, 8)")
          .ok());
  ASSERT_TRUE(PrepareSchema(database).ok());
  EXPECT_EQ(OneValue(database, "SELECT event FROM published"), "7");
  EXPECT_EQ(OneValue(database, "SELECT count(*) FROM notes"), "0");
}

TEST(Schema, EveryCommitIsSynced) {
  const test::TempDirectory directory;
  Database database = Make(directory.path("a.db"));
  ASSERT_TRUE(PrepareSchema(database).ok());
  EXPECT_EQ(OneValue(database, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(OneValue(database, "PRAGMA synchronous"), "2")
      << "FULL: in WAL mode, less loses commits at a power cut";
}

TEST(Schema, ALaterVersionIsLeftAlone) {
  const test::TempDirectory directory;
  Database database = Make(directory.path("a.db"));
  const std::string later = "PRAGMA user_version = " + std::to_string(kSchemaVersion + 1);
  ASSERT_TRUE(database.Execute(later.c_str()).ok());
  const Status prepared = PrepareSchema(database);
  ASSERT_FALSE(prepared.ok());
  EXPECT_EQ(prepared.error().code, ErrorCode::kStoreUnavailable);
  EXPECT_NE(prepared.error().hint.find("later release"), std::string::npos);
  EXPECT_EQ(OneValue(database, "SELECT count(*) FROM sqlite_master"), "0");
}

TEST(Schema, AFailedMigrationLeavesNothingBehind) {
  const test::TempDirectory directory;
  Database database = Make(directory.path("a.db"));
  ASSERT_TRUE(database.Execute("CREATE TABLE tries (in_the_way)").ok());
  EXPECT_FALSE(PrepareSchema(database).ok());
  EXPECT_FALSE(database.in_transaction());
  EXPECT_EQ(OneValue(database, "SELECT count(*) FROM sqlite_master WHERE name = 'events'"), "0");
  EXPECT_EQ(OneValue(database, "PRAGMA user_version"), "0");
}

}  // namespace
}  // namespace trunkline::store
