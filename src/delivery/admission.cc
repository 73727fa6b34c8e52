#include "delivery/admission.h"

namespace trunkline::delivery {

Admitted Admission::Admit(ByteView body, const crypto::SignatureHeaders& signature) {
  Admitted admitted;
  if (verifier_) {
    const auto verdict = verifier_->Verify(body, signature, clock_.WallMs() / 1000).verdict;
    if (verdict == crypto::Verdict::kMissing) return admitted;
    if (verdict != crypto::Verdict::kValid) {
      admitted.verdict = Verdict::kForged;
      return admitted;
    }
  }
  auto fields = json::ParseEventFields(body);
  if (!fields) {
    admitted.verdict = Verdict::kMalformed;
    admitted.error = std::move(fields.error());
    return admitted;
  }
  admitted.fields = std::move(*fields);
  if (!ring_) {
    admitted.verdict = Verdict::kFull;
    admitted.error = {.code = ErrorCode::kStoreUnavailable, .message = "the event store is not open"};
    return admitted;
  }
  auto claim = ring_->TryClaim(admitted.fields.event_id);
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

void Admission::UseRing(idempotency::Ring ring) {
  const std::lock_guard guard(mutex_);
  ring_ = std::make_unique<idempotency::Ring>(std::move(ring));
}

RingUse Admission::ring_use() {
  const std::lock_guard guard(mutex_);
  if (!ring_) return {};
  return {ring_->size(), ring_->capacity(), ring_->memory_bytes(), ring_->evicted()};
}

}  // namespace trunkline::delivery
