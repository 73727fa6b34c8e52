// Notes: found while their time lasts, by whoever opens the directory, and swept afterwards.
#include <gtest/gtest.h>

#include "store/notes_table.h"
#include "store/retention.h"
#include "support/opened_store.h"
#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

using test::OpenedStore;
using test::TempDirectory;

using Found = std::optional<std::string>;

Found Value(OpenedStore& store, const std::string& key) {
  auto found = store.FindNote(key);
  EXPECT_TRUE(found.ok());
  return found.ok() ? *found : Found();
}

TEST(Notes, TheLatestOfAKeyIsFoundAlsoAfterARestart) {
  const TempDirectory directory;
  {
    OpenedStore store(directory.path());
    ASSERT_TRUE(store.Open().ok());
    EXPECT_EQ(Value(store, "a"), Found());
    ASSERT_TRUE(store.PutNote("a", "first", 1000).ok());
    ASSERT_TRUE(store.PutNote("a", "second", 1000).ok());
    ASSERT_TRUE(store.PutNote("", std::string("\0x", 2), 1000).ok());
    EXPECT_EQ(Value(store, "a"), "second");
  }
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  EXPECT_EQ(Value(store, "a"), "second");
  EXPECT_EQ(Value(store, ""), std::string("\0x", 2));
  EXPECT_EQ(Value(store, "b"), Found());
}

TEST(Notes, AreForgottenWhenTheirTimeIsOver) {
  const TempDirectory directory;
  OpenedStore store(directory.path());
  ASSERT_TRUE(store.Open().ok());
  ASSERT_TRUE(store.PutNote("a", "x", 1000).ok());
  store.clock.wall_ms += 999;
  EXPECT_EQ(Value(store, "a"), "x");
  store.clock.wall_ms += 1;
  EXPECT_EQ(Value(store, "a"), Found());
}

TEST(Notes, AreSweptAFewAtATime) {
  const TempDirectory directory;
  OpenedStore store(directory.path(), {.tend_interval_ms = 1'000'000});
  ASSERT_TRUE(store.Open().ok());
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(store.PutNote("old " + std::to_string(i), "x", 10 + i).ok());
  ASSERT_TRUE(store.PutNote("young", "x", 100'000).ok());
  auto database = Database::Open(directory.path("events.db"), Database::Mode::kReadWrite);
  ASSERT_TRUE(database.ok());
  const std::int64_t later_ms = store.clock.wall_ms + 1000;
  EXPECT_EQ(*DeleteOldNotes(*database, later_ms, 3), 3);
  Retention retention({});
  EXPECT_TRUE(*retention.Step(*database, later_ms, 3)) << "there may be more";
  EXPECT_FALSE(*retention.Step(*database, later_ms, 3));
  auto left = database->Prepare("SELECT group_concat(key) FROM notes");
  ASSERT_TRUE(*left->Next());
  EXPECT_EQ(left->Text(0), "young");
}

}  // namespace
}  // namespace trunkline::store
