// Who works on a directory: numbers, the door, and what happens when a member is gone without a word.
#include "store/membership.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "support/temp_directory.h"

namespace trunkline::store {
namespace {

using test::TempDirectory;

bool Never() { return false; }

Membership JoinAt(const std::string& path, MemberKind kind = MemberKind::kServer) {
  auto joined = Membership::Join(path, kind, Never);
  EXPECT_TRUE(joined.ok()) << (joined.ok() ? "" : joined.error().message);
  joined->OpenDoor();
  return std::move(*joined);
}

TEST(Membership, NumbersAreTheLowestFreeOnes) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  Membership first = JoinAt(path);
  EXPECT_EQ(first.number(), 0);
  EXPECT_TRUE(first.alone());
  EXPECT_FALSE(first.left_work());
  {
    const Membership second = JoinAt(path);
    EXPECT_EQ(second.number(), 1);
    EXPECT_FALSE(second.alone());
  }
  const Membership third = JoinAt(path);
  EXPECT_EQ(third.number(), 1);
  EXPECT_TRUE(third.left_work()) << "nobody said that there is nothing";
}

TEST(Membership, ACleanEndLeavesNothing) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  {
    Membership first = JoinAt(path);
    first.Leave();
  }
  EXPECT_FALSE(JoinAt(path).left_work());
}

TEST(Membership, TheDoorLetsOneInAtATime) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  auto first = Membership::Join(path, MemberKind::kServer, Never);
  ASSERT_TRUE(first.ok());
  int asked = 0;
  const auto refused = Membership::Join(path, MemberKind::kServer, [&asked] { return ++asked == 3; });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kClosed);
  first->OpenDoor();
  EXPECT_TRUE(Membership::Join(path, MemberKind::kServer, Never).ok());
}

TEST(Membership, WhoIsGoneIsToldOnceAndToOne) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  Membership first = JoinAt(path);
  Membership second = JoinAt(path);
  { const Membership gone = JoinAt(path); }
  EXPECT_EQ(first.TakeDead(), std::vector{2});
  EXPECT_TRUE(first.TakeDead().empty()) << "it knows";
  EXPECT_TRUE(second.TakeDead().empty()) << "the first one is at it";
  first.Release(2);
  EXPECT_TRUE(second.TakeDead().empty()) << "it has been seen to";
  EXPECT_EQ(JoinAt(path).number(), 2);
}

// A member that dies while it takes over leaves both.
TEST(Membership, AnHeirThatDiesLeavesTheEstateToo) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  Membership survivor = JoinAt(path);
  {
    Membership heir = JoinAt(path);
    { const Membership gone = JoinAt(path); }
    ASSERT_EQ(heir.TakeDead(), std::vector{2});
  }
  EXPECT_EQ(survivor.TakeDead(), (std::vector{1, 2}));
}

TEST(Membership, AConsumerLeavesAServersWorkAlone) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  { const Membership server = JoinAt(path); }
  Membership consumer = JoinAt(path, MemberKind::kConsumer);
  EXPECT_EQ(consumer.number(), 1);
  Membership server = JoinAt(path);
  EXPECT_EQ(server.number(), 0);
  EXPECT_TRUE(server.left_work());
  EXPECT_TRUE(server.alone()) << "a consumer is no server";
}

TEST(Membership, AConsumerTakesTheNumberOfAConsumerThatIsGone) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  { const Membership gone = JoinAt(path, MemberKind::kConsumer); }
  const Membership next = JoinAt(path, MemberKind::kConsumer);
  EXPECT_EQ(next.number(), 0);
  EXPECT_TRUE(next.left_work());
}

TEST(Membership, OneIsTheCaretaker) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  Membership first = JoinAt(path);
  {
    Membership second = JoinAt(path);
    EXPECT_TRUE(second.IsCaretaker());
    EXPECT_TRUE(second.IsCaretaker());
    EXPECT_FALSE(first.IsCaretaker());
  }
  EXPECT_TRUE(first.IsCaretaker());
}

TEST(Membership, AKilledProcessLeavesItsNumber) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  Membership survivor = JoinAt(path);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto joined = Membership::Join(path, MemberKind::kServer, Never);
    if (joined.ok()) joined->OpenDoor();
    const char byte = joined.ok() ? static_cast<char>(joined->number()) : 99;
    (void)!::write(ready[1], &byte, 1);
    for (;;) ::pause();
  }
  char number = 0;
  ASSERT_EQ(::read(ready[0], &number, 1), 1);
  EXPECT_EQ(number, 1);
  EXPECT_TRUE(survivor.TakeDead().empty());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(survivor.TakeDead(), std::vector{1});
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(Membership, ThereIsRoomForSoMany) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  std::vector<Membership> all;
  for (int i = 0; i < kMaxMembers; ++i) all.push_back(JoinAt(path));
  const auto one_more = Membership::Join(path, MemberKind::kServer, Never);
  ASSERT_FALSE(one_more.ok());
  EXPECT_NE(one_more.error().message.find("128"), std::string::npos);
  all.pop_back();
  EXPECT_EQ(JoinAt(path).number(), kMaxMembers - 1);
}

TEST(Membership, AFileThatCannotBeMade) {
  EXPECT_EQ(Membership::Join("/proc/trunkline-test/members", MemberKind::kServer, Never).error().code,
            ErrorCode::kStoreUnavailable);
}

TEST(Membership, NonsenseInTheFileIsWorkLeftBehind) {
  const TempDirectory directory;
  const std::string path = directory.path("members");
  std::ofstream(path) << std::string(kMaxMembers + 50, 'x');
  Membership first = JoinAt(path);
  EXPECT_TRUE(first.left_work());
  EXPECT_EQ(first.TakeDead().size(), static_cast<std::size_t>(kMaxMembers - 1));
}

}  // namespace
}  // namespace trunkline::store
