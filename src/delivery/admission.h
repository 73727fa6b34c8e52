// The door: who sent these bytes, what do they say, have we seen them before? One call, and nothing is copied
// but four short fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/signature_verifier.h"
#include "idempotency/ring.h"
#include "json/event_fields.h"

namespace trunkline::delivery {

enum class Verdict : std::uint8_t {
  kClaimed,    // new: the caller delivers it, and then calls Complete or Release
  kInFlight,   // being delivered by an earlier call
  kDone,       // delivered, or buried, within its lifetime
  kUnsigned,   // no signature came
  kForged,     // a signature came, and it is not right
  kMalformed,  // rightly signed, but not an event: `error` says why
  kFull,       // it cannot be remembered: `error` is QUEUE_FULL, or STORE_UNAVAILABLE where there is no ring
};

struct Admitted {
  Verdict verdict = Verdict::kUnsigned;
  json::EventFields fields{};  // from kClaimed to kDone
  Error error{};               // kMalformed, kFull
};

struct RingUse {
  std::size_t size = 0, capacity = 0, memory_bytes = 0;
  std::uint64_t evicted = 0;
};

class Admission {
 public:
  // Without a verifier the caller has seen to it himself that he may trust the bytes.
  Admission(std::optional<crypto::SignatureVerifier> verifier, const Clock& clock)
      : verifier_(std::move(verifier)), clock_(clock) {}

  // Before it nothing is let in. Again only while nobody calls anything else. A ring in memory is for one
  // thread, a mapped one for any.
  void UseRing(idempotency::Ring ring);

  // Verifies, reads and claims. One thread: the verifier's.
  Admitted Admit(ByteView body, const crypto::SignatureHeaders& signature);

  // Reads only, for bytes that are trusted already.
  static Result<json::EventFields> Read(ByteView body) { return json::ParseEventFields(body); }

  idempotency::Ring& ring() { return *ring_; }
  RingUse ring_use();  // any thread, at any time

 private:
  std::optional<crypto::SignatureVerifier> verifier_;
  std::mutex mutex_;  // of the pointer, for ring_use
  std::unique_ptr<idempotency::Ring> ring_;
  const Clock& clock_;
};

}  // namespace trunkline::delivery
