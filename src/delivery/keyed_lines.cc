#include "delivery/keyed_lines.h"

namespace trunkline::delivery {

bool KeyedLines::Join(LineMember& member, const std::string& key) {
  const auto [found, is_new] = lines_.try_emplace(key);
  found->second.push_back(member);
  member.place_ = &*found;
  return is_new;
}

LineMember* KeyedLines::Leave(LineMember& member) {
  if (member.place_ == nullptr) return nullptr;
  auto& [key, line] = *std::exchange(member.place_, nullptr);
  const bool had_turn = &line.front() == &member;
  member.unlink();
  if (!line.empty()) return had_turn ? &line.front() : nullptr;
  lines_.erase(lines_.find(key));
  return nullptr;
}

}  // namespace trunkline::delivery
