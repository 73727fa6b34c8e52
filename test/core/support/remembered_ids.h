// A memory of ids that writes down what it is told.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "store/store.h"

namespace trunkline::test {

class RememberedIds final : public store::IdMemory {
 public:
  // For a store that this outlives.
  std::shared_ptr<store::IdMemory> shared() { return {std::shared_ptr<void>(), this}; }

  bool knows_nothing = true;  // what Join answers
  int member = -1;
  bool alone = false;
  std::vector<store::RememberedId> restored;
  struct Taken {
    int member;
    std::vector<store::RememberedId> ids;
  };
  std::vector<Taken> taken;

  Result<bool> Join(int joined, bool is_alone) override {
    member = joined;
    alone = is_alone;
    return knows_nothing;
  }
  void Restore(const store::RememberedId& id) override { restored.push_back(id); }
  void Restored() override { complete = true; }
  bool complete = false;
  void TakeOver(int gone, const std::vector<store::RememberedId>& ids) override {
    taken.push_back({gone, ids});
  }
};

}  // namespace trunkline::test
