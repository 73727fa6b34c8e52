#include "idempotency/ring_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <optional>
#include <utility>

#include "base/disk_error.h"
#include "idempotency/ring_layout.h"

#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

namespace trunkline::idempotency {
namespace {

constexpr std::array<char, 8> kMagic = {'T', 'L', 'R', 'I', 'N', 'G', '\r', '\n'};
constexpr std::uint32_t kVersion = 2;     // of the head below and of ring_layout.h
constexpr std::size_t kHeadBytes = 4096;  // a page to itself, so that the block begins with one
constexpr std::size_t kBootIdBytes = 40;
constexpr std::size_t kChunk = 64 * 1024;
constexpr char kStartAnew[] =
    "Stop all processes that use this data directory, then start them again: the first one makes the file "
    "anew.";

// The lock is the C library's, so processes with different ones (of two containers, say) have no common one.
constexpr std::uint32_t kLockKind =
#ifdef __GLIBC__
    0x10000 |
#endif
    sizeof(pthread_mutex_t);

enum Stage : std::uint32_t { kFilling = 1, kFilled = 2, kDamaged = 3 };

#ifdef __linux__
constexpr bool kRobustLocks = true;
constexpr int kPopulate = MAP_POPULATE;  // no operation waits for a page that could have been mapped before
void MakeRobust(pthread_mutexattr_t& attributes) {
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
}
void MakeConsistent(pthread_mutex_t& lock) { pthread_mutex_consistent(&lock); }
#else
constexpr bool kRobustLocks = false;
constexpr int kPopulate = 0;
void MakeRobust(pthread_mutexattr_t&) {}
void MakeConsistent(pthread_mutex_t&) {}
#endif

Error Unavailable(const std::string& path, const std::string& what, std::string hint) {
  return {.code = ErrorCode::kStoreUnavailable,
          .message = "the ring of ids " + path + " " + what,
          .hint = std::move(hint)};
}

Error SystemError(const std::string& path, const std::string& what, int reason) {
  return DiskError("the ring of ids " + path + " " + what, reason);
}

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// 0, or why not.
int WriteZeros(int descriptor, std::size_t bytes) {
  static constexpr std::array<char, kChunk> kZeros{};
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor, kZeros.data(), std::min(bytes, kZeros.size()));
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes -= static_cast<std::size_t>(written);
  }
  return 0;
}

// On btrfs a page that is written again takes new space, which may be missing: the signal that writing
// everything is to prevent. Only an empty file can be told to write in place.
void WriteInPlace([[maybe_unused]] int descriptor) {
#ifdef __linux__
  int flags = 0;
  if (::ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_NOCOW_FL;
  ::ioctl(descriptor, FS_IOC_SETFLAGS, &flags);
#endif
}

}  // namespace

// The file's first page.
struct RingFile::Head {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t lock_kind;
  std::uint32_t capacity;
  Stage stage;
  std::int64_t ttl_ms;
  SipKey key;
  std::array<char, kBootIdBytes> boot_id;
  std::uint64_t sum;      // of all that stays as it was made
  std::uint32_t at_work;  // 1: somebody holds the lock, or was killed with it
  pthread_mutex_t lock;

  std::uint64_t Sum() const {
    const std::array<std::int64_t, 3> terms = {capacity, ttl_ms, lock_kind};
    return SipHash128(key, {reinterpret_cast<const std::uint8_t*>(terms.data()), sizeof terms}).low ^
           SipHash128(key, {reinterpret_cast<const std::uint8_t*>(boot_id.data()), boot_id.size()}).high;
  }
};

std::string BootId() {
  std::array<char, kBootIdBytes> text{};
  const Descriptor file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  const ssize_t got = file.get() < 0 ? 0 : ::read(file.get(), text.data(), text.size());
  return {text.data(), got < 0 ? 0 : static_cast<std::size_t>(got)};
}

bool RingFile::IsShareable() { return kRobustLocks; }

Result<RingFile> RingFile::Create(const std::string& path, const RingFileTerms& terms, const SipKey& key) {
  static_assert(sizeof(Head) <= kHeadBytes);
  const std::string unfinished = path + ".new";
  ::unlink(unfinished.c_str());  // of a start that was cut off
  const Descriptor file(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return SystemError(path, "cannot be created", errno);
  WriteInPlace(file.get());
  const auto fail = [&](int reason) {
    ::unlink(unfinished.c_str());
    return SystemError(path, "cannot be created", reason);
  };
  const std::size_t bytes = kHeadBytes + Layout::Bytes(terms.capacity);
  if (const int reason = WriteZeros(file.get(), bytes); reason != 0) return fail(reason);
  auto mapped = MapFile(file.get(), bytes);
  if (!mapped) return fail(errno);
  Head& head = *new (mapped->start_) Head{.magic = kMagic,
                                          .version = kVersion,
                                          .lock_kind = kLockKind,
                                          .capacity = terms.capacity,
                                          .stage = kFilling,
                                          .ttl_ms = terms.ttl_ms,
                                          .key = key,
                                          .boot_id = {},
                                          .sum = 0,
                                          .at_work = 0,
                                          .lock = {}};
  terms.boot_id.copy(head.boot_id.data(), head.boot_id.size());
  head.sum = head.Sum();
  mapped->ResetLock();
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return fail(errno);
  return std::move(*mapped);
}

std::optional<Error> RingFile::Misfit(const Head& head, std::size_t bytes, const std::string& path,
                                      const RingFileTerms& terms) {
  const auto differs = [&](const char* name, std::int64_t expected, std::int64_t got) {
    return Error{.code = ErrorCode::kConfigInvalid,
                 .message = std::string(name) + ": expected " + std::to_string(expected) +
                            ", as the processes that share " + path + " have it, got " + std::to_string(got)};
  };
  if (head.magic != kMagic) return Unavailable(path, "is not such a file", kStartAnew);
  if (head.version != kVersion || head.lock_kind != kLockKind) {
    return Unavailable(path, "is in use by another build of trunkline",
                       "Processes that share a data directory run the same build. Stop the others first.");
  }
  if (head.capacity != terms.capacity) return differs("capacity", head.capacity, terms.capacity);
  if (head.ttl_ms != terms.ttl_ms) return differs("ttlMs", head.ttl_ms, terms.ttl_ms);
  if (bytes != kHeadBytes + Layout::Bytes(terms.capacity)) {
    return Unavailable(path, "has another length than it was made with", kStartAnew);
  }
  std::array<char, kBootIdBytes> boot_id{};
  terms.boot_id.copy(boot_id.data(), boot_id.size());
  if (head.boot_id != boot_id) return Unavailable(path, "is from before this machine started", kStartAnew);
  if (head.stage == kDamaged || head.sum != head.Sum()) return Unavailable(path, "is damaged", kStartAnew);
  return std::nullopt;
}

Result<RingFile> RingFile::Open(const std::string& path, const RingFileTerms& terms) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.get() < 0) return SystemError(path, "cannot be opened", errno);
  struct stat status {};
  Head head{};
  if (::fstat(file.get(), &status) != 0 || ::pread(file.get(), &head, sizeof head, 0) < 0) {
    return SystemError(path, "cannot be read", errno);
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (auto misfit = Misfit(head, bytes, path, terms)) return std::move(*misfit);
  auto mapped = MapFile(file.get(), bytes);
  if (!mapped) return SystemError(path, "cannot be mapped", errno);
  return std::move(*mapped);
}

// Nothing, and errno, when the system refuses.
std::optional<RingFile> RingFile::MapFile(int descriptor, std::size_t bytes) {
  void* start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | kPopulate, descriptor, 0);
  if (start == MAP_FAILED) return std::nullopt;
  return RingFile(static_cast<std::byte*>(start), bytes);
}

RingFile::RingFile(RingFile&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)), bytes_(other.bytes_) {}

RingFile& RingFile::operator=(RingFile&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

RingFile::~RingFile() {
  if (start_ != nullptr) ::munmap(start_, bytes_);
}

RingFile::Head& RingFile::head() const { return *reinterpret_cast<Head*>(start_); }
bool RingFile::filled() const { return head().stage == kFilled; }
void RingFile::SetFilled() { head().stage = kFilled; }
void RingFile::SetDamaged() { head().stage = kDamaged; }
const SipKey& RingFile::key() const { return head().key; }
std::byte* RingFile::block() const { return start_ + kHeadBytes; }
std::size_t RingFile::bytes() const { return bytes_; }

bool RingFile::left_at_work() const { return head().at_work != 0; }

void RingFile::ResetLock() {
  head().at_work = 0;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  MakeRobust(attributes);
  head().lock = {};
  pthread_mutex_init(&head().lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

RingFile::Locked RingFile::Lock() {
  switch (pthread_mutex_lock(&head().lock)) {
    case 0:
      Commit(head().at_work, 1);
      return Locked::kYes;
    case EOWNERDEAD:
      // If this process is killed before it has put things in order, the next one is told again.
      MakeConsistent(head().lock);
      return Locked::kOwnerDied;
    default:
      return Locked::kFailed;
  }
}

void RingFile::Unlock() {
  Commit(head().at_work, 0);
  pthread_mutex_unlock(&head().lock);
}

}  // namespace trunkline::idempotency
