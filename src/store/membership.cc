#include "store/membership.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/disk_error.h"

namespace trunkline::store {
namespace {

// Bytes of the file behind the members' own. Nothing is written there; they are locked.
constexpr int kDoor = kMaxMembers;
constexpr int kCaretaker = kMaxMembers + 1;

constexpr auto kDoorPoll = std::chrono::milliseconds(5);
constexpr auto kDoorPatience = std::chrono::seconds(30);

Error Unavailable(std::string message, std::string hint) {
  return {.code = ErrorCode::kStoreUnavailable, .message = std::move(message), .hint = std::move(hint)};
}

struct flock Range(short type, int byte) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = byte;
  range.l_len = 1;
  return range;
}

// False: somebody else has it, or the file system has no locks (errno tells).
bool TryLock(int descriptor, int byte) {
  struct flock range = Range(F_WRLCK, byte);
  return ::fcntl(descriptor, F_OFD_SETLK, &range) == 0;
}

void Unlock(int descriptor, int byte) {
  struct flock range = Range(F_UNLCK, byte);
  ::fcntl(descriptor, F_OFD_SETLK, &range);
}

bool IsLockedByOthers(int descriptor, int byte) {
  struct flock range = Range(F_WRLCK, byte);
  return ::fcntl(descriptor, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

std::array<MemberKind, kMaxMembers> ReadKinds(int descriptor) {
  std::array<MemberKind, kMaxMembers> kinds{};
  if (::pread(descriptor, kinds.data(), kinds.size(), 0) < 0) kinds.fill(MemberKind::kNone);
  return kinds;
}

bool WriteKind(int descriptor, int number, MemberKind kind) {
  return ::pwrite(descriptor, &kind, 1, number) == 1;
}

}  // namespace

Result<Membership> Membership::Join(const std::string& path, MemberKind kind,
                                    const std::function<bool()>& give_up) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return DiskError("the data directory cannot be written: " + path, errno);
  Membership joined(descriptor, -1);
  for (const auto patience = std::chrono::steady_clock::now() + kDoorPatience; !TryLock(descriptor, kDoor);
       std::this_thread::sleep_for(kDoorPoll)) {
    if (errno != EAGAIN && errno != EACCES) {
      return Unavailable(path + " cannot be locked: " + std::strerror(errno),
                         "The data directory has to be on a disk of this machine, not on a network.");
    }
    if (give_up()) return Error{.code = ErrorCode::kClosed, .message = "the event store is closed"};
    if (std::chrono::steady_clock::now() > patience) {
      return Unavailable("another process has been opening the data directory for 30 s",
                         "Look for one that hangs: fuser " + path);
    }
  }
  const auto kinds = ReadKinds(descriptor);
  joined.alone_ = true;
  for (int number = 0; number < kMaxMembers; ++number) {
    const MemberKind was = kinds[static_cast<std::size_t>(number)];
    const bool may_be_mine =
        kind == MemberKind::kServer || was == MemberKind::kNone || was == MemberKind::kConsumer;
    if (IsLockedByOthers(descriptor, number)) {
      if (was != MemberKind::kConsumer) joined.alone_ = false;
    } else if (joined.number_ < 0 && may_be_mine && TryLock(descriptor, number)) {
      joined.number_ = number;
    }
  }
  if (joined.number_ < 0) {
    return Unavailable("the data directory is in use by " + std::to_string(kMaxMembers) + " services already",
                       "Give this one a directory of its own.");
  }
  joined.left_work_ = kinds[static_cast<std::size_t>(joined.number_)] != MemberKind::kNone;
  if (!WriteKind(descriptor, joined.number_, kind)) {
    return DiskError(path + " cannot be written", errno);
  }
  return joined;
}

Membership::Membership(Membership&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      number_(other.number_),
      alone_(other.alone_),
      left_work_(other.left_work_),
      is_caretaker_(other.is_caretaker_),
      dead_(other.dead_) {}

Membership& Membership::operator=(Membership&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(number_, other.number_);
  std::swap(alone_, other.alone_);
  std::swap(left_work_, other.left_work_);
  std::swap(is_caretaker_, other.is_caretaker_);
  std::swap(dead_, other.dead_);
  return *this;
}

Membership::~Membership() {
  if (descriptor_ >= 0) ::close(descriptor_);  // and every lock with it
}

void Membership::OpenDoor() { Unlock(descriptor_, kDoor); }

std::vector<int> Membership::TakeDead() {
  std::vector<int> dead;
  const auto kinds = ReadKinds(descriptor_);
  for (int number = 0; number < kMaxMembers; ++number) {
    const auto at = static_cast<std::size_t>(number);
    if (kinds[at] == MemberKind::kNone || number == number_ || dead_[at] || !TryLock(descriptor_, number))
      continue;
    // Read again under the lock: somebody else may have seen to it meanwhile.
    if (ReadKinds(descriptor_)[at] != MemberKind::kNone) {
      dead_.set(at);
      dead.push_back(number);
    } else {
      Unlock(descriptor_, number);
    }
  }
  return dead;
}

void Membership::Release(int number) {
  dead_.reset(static_cast<std::size_t>(number));
  WriteKind(descriptor_, number, MemberKind::kNone);
  Unlock(descriptor_, number);
}

bool Membership::IsCaretaker() {
  if (!is_caretaker_) is_caretaker_ = TryLock(descriptor_, kCaretaker);
  return is_caretaker_;
}

void Membership::Leave() { WriteKind(descriptor_, number_, MemberKind::kNone); }

}  // namespace trunkline::store
