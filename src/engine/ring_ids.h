// The ring as the memory that all members of a data directory share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "delivery/admission.h"
#include "store/store.h"

namespace trunkline::engine {

class RingIds final : public store::IdMemory {
 public:
  RingIds(std::string path, const idempotency::RingOptions& options,
          std::shared_ptr<delivery::Admission> admission)
      : path_(std::move(path)), options_(options), admission_(std::move(admission)) {}

  Result<bool> Join(int member, bool alone) override {
    auto ring = idempotency::Ring::Map(path_, options_, SystemClock(), {.owner = member, .alone = alone});
    if (!ring.ok()) return std::move(ring.error());
    const bool fresh = ring->fresh();
    admission_->UseRing(std::move(*ring));
    return fresh;
  }

  void Restore(const store::RememberedId& id) override {
    admission_->ring().Restore(id.event_id, id.done, id.at_ms);
  }

  void Restored() override { admission_->ring().MarkRestored(); }

  void TakeOver(int member, const std::vector<store::RememberedId>& ids) override {
    std::vector<idempotency::KnownId> known;
    known.reserve(ids.size());
    for (const store::RememberedId& id : ids) known.push_back({id.event_id, id.done, id.at_ms});
    admission_->ring().TakeOver(member, known);
  }

 private:
  const std::string path_;
  const idempotency::RingOptions options_;
  const std::shared_ptr<delivery::Admission> admission_;
};

}  // namespace trunkline::engine
