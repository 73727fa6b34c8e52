// The store where it cannot work: directories that are taken, damaged or full. It says so, and goes on when
// it can again.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "store/schema.h"
#include "store/store.h"
#include "support/opened_store.h"
#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

using test::MakeEvent;
using test::OpenedStore;
using test::TempDirectory;

TEST(StoreFailure, TheDirectoryIsMadeForItsOwnerOnly) {
  const TempDirectory directory;
  OpenedStore store(directory.path("made/for/it"));
  ASSERT_TRUE(store.Open().ok());
  struct stat status {};
  ASSERT_EQ(::stat(directory.path("made/for/it").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST(StoreFailure, AFileInThePlaceOfTheDirectory) {
  const TempDirectory directory;
  std::ofstream(directory.path("file")) << "x";
  for (const char* place : {"file", "file/below"}) {
    OpenedStore store(directory.path(place));
    const auto opened = store.Open();
    ASSERT_FALSE(opened.ok()) << place;
    EXPECT_EQ(opened.error().code, ErrorCode::kStoreUnavailable);
  }
}

TEST(StoreFailure, ADirectoryInThePlaceOfAFile) {
  for (const char* name : {"events.db", "events.members"}) {
    const TempDirectory directory;
    std::filesystem::create_directory(directory.path(name));
    OpenedStore store(directory.path());
    EXPECT_EQ(store.Open().error().code, ErrorCode::kStoreUnavailable) << name;
  }
}

// Not even root may make one there.
TEST(StoreFailure, ADirectoryThatMayNotBeMade) {
  OpenedStore store("/proc/trunkline-test");
  EXPECT_EQ(store.Open().error().code, ErrorCode::kStoreUnavailable);
}

TEST(StoreFailure, DamagedFiles) {
  const TempDirectory good;
  {
    OpenedStore store(good.path());
    ASSERT_TRUE(store.Open().ok());
    for (int i = 0; i < 50; ++i) store.Seq(MakeEvent("e" + std::to_string(i), std::string(2000, 'x')));
  }
  for (const bool truncated : {false, true}) {
    const TempDirectory directory;
    if (truncated) {
      std::filesystem::copy(good.path("events.db"), directory.path("events.db"));
      std::filesystem::resize_file(directory.path("events.db"), 5000);
    } else {
      std::ofstream(directory.path("events.db")) << std::string(20'000, 'x');
    }
    const auto size = std::filesystem::file_size(directory.path("events.db"));
    OpenedStore store(directory.path());
    const auto opened = store.Open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kStoreUnavailable);
    EXPECT_NE(opened.error().hint.find(".recover"), std::string::npos) << opened.error().message;
    store.Destroy();
    EXPECT_EQ(std::filesystem::file_size(directory.path("events.db")), size)
        << "what may be recovered is not touched";
  }
}

TEST(StoreFailure, AStoreOfALaterRelease) {
  const TempDirectory directory;
  {
    auto database = Database::Open(directory.path("events.db"), Database::Mode::kReadWrite);
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE(
        database->Execute(("PRAGMA user_version = " + std::to_string(kSchemaVersion + 1)).c_str()).ok());
  }
  OpenedStore store(directory.path());
  const auto opened = store.Open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kStoreUnavailable);
  EXPECT_NE(opened.error().message.find("version"), std::string::npos);
  OpenedStore another(directory.path());
  EXPECT_NE(another.Open().error().message.find("version"), std::string::npos)
      << "a failed opening holds no lock";
}

TEST(StoreFailure, OpeningMaySucceedLater) {
  const TempDirectory directory;
  std::ofstream(directory.path("data")) << "in the way";
  OpenedStore store(directory.path("data"));
  ASSERT_FALSE(store.Open().ok());
  std::filesystem::remove(directory.path("data"));
  EXPECT_TRUE(store.Open().ok());
  EXPECT_TRUE(store.Append(MakeEvent("a")).ok());
}

// A full disk, played by a limit on the size of files: in a process of its own, since the limit is the
// process's.
int WriteUntilFullAndThenOn() {
  const TempDirectory directory;
  const std::string path = directory.path();
  std::signal(SIGXFSZ, SIG_IGN);
  OpenedStore store(path);
  if (!store.Open().ok()) return 1;
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  const rlimit small{1 << 20, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return 2;
  int accepted = 0;
  int refused = 0;
  while (refused < 3 && accepted < 1000) {
    const auto stored =
        store.Append(MakeEvent("e" + std::to_string(accepted + refused), std::string(20'000, 'x')));
    if (!stored.ok() && stored.error().code != ErrorCode::kStoreUnavailable) return 3;
    ++(stored.ok() ? accepted : refused);
  }
  if (refused < 3 || accepted == 0) return 4;
  if (::setrlimit(RLIMIT_FSIZE, &unlimited) != 0) return 5;
  if (!store.Append(MakeEvent("afterwards")).ok()) return 6;
  store.Destroy();
  OpenedStore again(path);
  const auto recovery = again.Open();
  if (!recovery.ok()) return 7;
  // Every accepted one is there, and none of the refused.
  return recovery->size() == static_cast<std::size_t>(accepted) + 1 ? 0 : 8;
}

TEST(StoreFailureDeathTest, AFullDiskRefusesNewEventsAndLosesNone) {
  // A new process, not a fork: threads of earlier tests may hold anything.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(::_exit(WriteUntilFullAndThenOn()), testing::ExitedWithCode(0), "")
      << "the code is the step that failed";
}

}  // namespace
}  // namespace trunkline::store
