#include "delivery/admission.h"

namespace trunkline::delivery {

Admitted Admission::Admit(ByteView body, const crypto::SignatureHeaders& signature) {
  Admitted admitted;
  switch (verifier_.Verify(body, signature, clock_.WallMs() / 1000).verdict) {
    case crypto::Verdict::kValid:
      break;
    case crypto::Verdict::kMissing:
      return admitted;
    default:
      admitted.verdict = Verdict::kForged;
      return admitted;
  }
  auto fields = json::ParseEventFields(body);
  if (!fields) {
    admitted.verdict = Verdict::kMalformed;
    admitted.error = std::move(fields.error());
    return admitted;
  }
  admitted.fields = std::move(*fields);
  auto claim = Claim(admitted.fields.event_id);
  if (!claim) {
    admitted.verdict = Verdict::kFull;
    admitted.error = std::move(claim.error());
    return admitted;
  }
  switch (*claim) {
    case idempotency::Claim::kClaimed:
      admitted.verdict = Verdict::kClaimed;
      break;
    case idempotency::Claim::kInFlight:
      admitted.verdict = Verdict::kInFlight;
      break;
    case idempotency::Claim::kDone:
      admitted.verdict = Verdict::kDone;
      break;
  }
  return admitted;
}

Result<idempotency::Claim> Admission::Claim(std::string_view event_id) {
  const std::lock_guard guard(mutex_);
  return ring_.TryClaim(event_id);
}

void Admission::Complete(std::string_view event_id) {
  const std::lock_guard guard(mutex_);
  ring_.Complete(event_id);
}

void Admission::Release(std::string_view event_id) {
  const std::lock_guard guard(mutex_);
  ring_.Release(event_id);
}

void Admission::Restore(std::string_view event_id, bool done, std::int64_t at_ms) {
  const std::lock_guard guard(mutex_);
  ring_.Restore(event_id, done, at_ms);
}

RingUse Admission::ring_use() {
  const std::lock_guard guard(mutex_);
  return {ring_.size(), ring_.capacity(), ring_.memory_bytes(), ring_.evicted()};
}

}  // namespace trunkline::delivery
