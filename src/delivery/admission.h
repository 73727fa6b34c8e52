// The door: who sent these bytes, what do they say, have we seen them before? One call, and nothing is copied
// but four short fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
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
  kFull,       // no room to remember it: `error` is QUEUE_FULL
};

struct Admitted {
  Verdict verdict = Verdict::kUnsigned;
  json::EventFields fields{};  // from kClaimed to kDone
  Error error{};               // kMalformed, kFull
};

struct RingUse {
  std::size_t size, capacity, memory_bytes;
  std::uint64_t evicted;
};

class Admission {
 public:
  Admission(crypto::SignatureVerifier verifier, idempotency::Ring ring, const Clock& clock)
      : verifier_(std::move(verifier)), ring_(std::move(ring)), clock_(clock) {}

  // Verifies, reads and claims. One thread: the verifier's.
  Admitted Admit(ByteView body, const crypto::SignatureHeaders& signature);

  // Reads only, for bytes that are trusted already.
  static Result<json::EventFields> Read(ByteView body) { return json::ParseEventFields(body); }

  // The ring, guarded: any thread.
  Result<idempotency::Claim> Claim(std::string_view event_id);
  void Complete(std::string_view event_id);
  void Release(std::string_view event_id);
  void Restore(std::string_view event_id, bool done, std::int64_t at_ms);
  RingUse ring_use();

 private:
  crypto::SignatureVerifier verifier_;
  std::mutex mutex_;
  idempotency::Ring ring_;
  const Clock& clock_;
};

}  // namespace trunkline::delivery
