// The file that several processes of one machine map as their common ring: how it is made and recognised, and
// the lock in it.
//
// The file is good for as long as the machine runs: its pages outlive every process, but after a power cut
// they may be of different moments. So it names the boot that it belongs to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "idempotency/siphash.h"

namespace trunkline::idempotency {

// What all who map one file have to agree on.
struct RingFileTerms {
  std::uint32_t capacity;
  std::int64_t ttl_ms;
  std::string boot_id;
};

// "" where the system does not say.
std::string BootId();

class RingFile {
 public:
  // False: this system cannot tell that a process died with the lock in its hands, so a file is for one
  // process at a time.
  static bool IsShareable();

  // A new file in place of whatever is there, not filled yet. Every byte of it is written, so that a full
  // disk shows here and not as a signal later; a crash in the middle leaves what was there before.
  // STORE_UNAVAILABLE with the system's reason.
  static Result<RingFile> Create(const std::string& path, const RingFileTerms& terms, const SipKey& key);

  // The file that is there. STORE_UNAVAILABLE when there is none or it is no ring in order; CONFIG_INVALID,
  // naming the value in use, when it is in order but of other terms.
  static Result<RingFile> Open(const std::string& path, const RingFileTerms& terms);

  RingFile(RingFile&& other) noexcept;
  RingFile& operator=(RingFile&& other) noexcept;
  ~RingFile();

  // Whoever Creates a file fills it with what was known before, and says so; a file that nobody did that for
  // must not be taken for the whole truth.
  bool filled() const;
  void SetFilled();
  // Something is wrong with it: for whoever comes when all that use it are gone.
  void SetDamaged();

  // The last one who had the lock did not live to let go of it: what he worked on may be half done.
  bool left_at_work() const;
  // Makes the lock anew, whoever holds it: only for the one process that has the file mapped.
  void ResetLock();
  // kOwnerDied: held, and its last holder was killed at work. What he left is to be put in order before
  // Unlock. kFailed: not held, and never will be; somebody wrote over it.
  enum class Locked { kYes, kOwnerDied, kFailed };
  Locked Lock();
  void Unlock();

  const SipKey& key() const;
  std::byte* block() const;   // Layout::Bytes(capacity)
  std::size_t bytes() const;  // in all

 private:
  struct Head;
  static std::optional<Error> Misfit(const Head& head, std::size_t bytes, const std::string& path,
                                     const RingFileTerms& terms);
  static std::optional<RingFile> MapFile(int descriptor, std::size_t bytes);
  RingFile(std::byte* start, std::size_t bytes) : start_(start), bytes_(bytes) {}
  Head& head() const;

  std::byte* start_;
  std::size_t bytes_;
};

}  // namespace trunkline::idempotency
