#include "store/member.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "store/estate.h"

namespace trunkline::store {

Member::Member(Membership membership, Role role, std::shared_ptr<const StoreHooks> hooks, Post post,
               Reader& reader, WriteQueue& queue)
    : membership_(std::move(membership)),
      number_(membership_.number()),
      role_(role),
      hooks_(std::move(hooks)),
      post_(std::move(post)),
      reader_(reader),
      queue_(queue) {}

void Member::Tend(Database& database) {
  if (role_ == Role::kConsumer) return LookForChanges(database);
  std::vector<int> finished;
  std::vector<int> dead;
  {
    const std::lock_guard guard(outcomes_->mutex);
    finished = std::exchange(outcomes_->done, {});
    dead = std::exchange(outcomes_->failed, {});
  }
  for (const int number : finished) membership_.Release(number);
  std::ranges::copy(membership_.TakeDead(), std::back_inserter(dead));
  for (const int number : dead) TakeOver(number);
}

void Member::LookForChanges(Database& database) {
  // SQLite counts what other connections have committed (sqlite.org/pragma.html#pragma_data_version).
  auto query = database.Prepare("PRAGMA data_version");
  if (!query.ok()) return;
  const auto row = query->Next();
  if (!row.ok() || std::exchange(data_version_, query->Integer(0)) == query->Integer(0) || !hooks_->changed)
    return;
  post_([hooks = hooks_] { hooks->changed(); });
}

// Reads what is left on the reader's thread, tells the memory of ids, makes it this member's with the next
// commit, and hands it on.
void Member::TakeOver(int dead) {
  reader_.Submit([this, dead](Result<Database>& database_or) {
    const auto is_dead = [dead](int number) { return number == dead; };
    auto estate =
        database_or.ok() ? ReadEstate(*database_or, is_dead, number_) : Result<Estate>(database_or.error());
    if (!estate.ok()) {
      const std::lock_guard guard(outcomes_->mutex);
      return outcomes_->failed.push_back(dead);
    }
    if (hooks_->ids != nullptr) hooks_->ids->TakeOver(dead, estate->ids);
    const auto taken = std::make_shared<Estate>(std::move(*estate));
    queue_.Submit<std::monostate>(
        true, [taken, dead](Transaction& in) { return Inherit(in.database, *taken, {dead}, in.member); },
        [outcomes = outcomes_, hooks = hooks_, taken, dead](Status inherited) {
          {
            const std::lock_guard guard(outcomes->mutex);
            (inherited.ok() ? outcomes->done : outcomes->failed).push_back(dead);
          }
          if (inherited.ok() && !taken->unfinished.empty() && hooks->inherited) {
            hooks->inherited(std::move(taken->unfinished));
          }
        });
  });
}

}  // namespace trunkline::store
