// What a crash leaves: a log that ends anywhere, files that are cut off. The store opens again, with
// everything up to the last whole commit.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "store/store.h"
#include "support/opened_store.h"
#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

using test::MakeEvent;
using test::OpenedStore;
using test::TempDirectory;

constexpr int kEvents = 60;

class StoreCrash : public testing::Test {
 protected:
  // The files as a process leaves them that is killed after so many events, each in a commit of its own.
  void SetUp() override {
    OpenedStore store(left.path("data"));
    ASSERT_TRUE(store.Open().ok());
    for (int i = 0; i < kEvents; ++i) store.Seq(MakeEvent("e" + std::to_string(i), std::string(700, 'x')));
    for (const char* name : {"events.db", "events.db-wal", "events.members"}) {
      std::filesystem::copy(left.path("data") + "/" + name, left.path(name));
    }
  }

  // A directory with those files, one of them cut off.
  void Restore(const TempDirectory& directory, const std::string& cut_name, std::uintmax_t size) const {
    for (const char* name : {"events.db", "events.db-wal", "events.members"}) {
      std::filesystem::copy(left.path(name), directory.path(name));
      if (name == cut_name) std::filesystem::resize_file(directory.path(name), size);
    }
  }

  const TempDirectory left;
};

TEST_F(StoreCrash, NothingIsMissingAfterAKill) {
  const TempDirectory directory;
  Restore(directory, "", 0);
  OpenedStore store(directory.path());
  const auto unfinished = store.Open();
  ASSERT_TRUE(unfinished.ok());
  EXPECT_EQ(unfinished->size(), static_cast<std::size_t>(kEvents));
}

TEST_F(StoreCrash, ALogThatIsCutOffAnywhereOpensWithWhatIsWhole) {
  const std::uintmax_t size = std::filesystem::file_size(left.path("events.db-wal"));
  std::size_t before = 0;
  for (std::uintmax_t cut = 0; cut <= size; cut += std::max<std::uintmax_t>(1, size / 97)) {
    const TempDirectory directory;
    Restore(directory, "events.db-wal", cut);
    OpenedStore store(directory.path());
    const auto unfinished = store.Open();
    ASSERT_TRUE(unfinished.ok()) << "cut at " << cut << ": " << unfinished.error().message;
    ASSERT_GE(unfinished->size(), before) << "cut at " << cut;
    before = unfinished->size();
    for (std::size_t i = 0; i < unfinished->size(); ++i) {
      ASSERT_EQ((*unfinished)[i].event_id, "e" + std::to_string(i)) << "cut at " << cut;
      ASSERT_EQ((*unfinished)[i].payload.size(), 700U);
    }
    ASSERT_TRUE(store.Append(MakeEvent("afterwards")).ok());
  }
  EXPECT_GE(before, static_cast<std::size_t>(kEvents) - 2) << "the last cut took next to nothing";
}

TEST_F(StoreCrash, TheFileOfMembersMayBeCutOffOrGone) {
  for (const std::uintmax_t size : {0, 1, 64}) {
    const TempDirectory directory;
    Restore(directory, "events.members", size);
    if (size == 64) std::filesystem::remove(directory.path("events.members"));
    OpenedStore store(directory.path());
    const auto unfinished = store.Open();
    ASSERT_TRUE(unfinished.ok());
    // It is not known any more that anybody left work: the next look at the whole is a restart's.
    EXPECT_EQ(unfinished->size(), static_cast<std::size_t>(kEvents)) << "size " << size;
  }
}

}  // namespace
}  // namespace trunkline::store
