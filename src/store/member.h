// An open store as one of the members of its directory, who look after each other: a server takes over from
// members that are gone, a consumer hears of what others have written.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "store/database.h"
#include "store/membership.h"
#include "store/options.h"
#include "store/reader.h"
#include "store/write_queue.h"

namespace trunkline::store {

// For the writer's thread. The reader's jobs refer to it: it goes only after the reader has been stopped.
class Member {
 public:
  Member(Membership membership, Role role, std::shared_ptr<const StoreHooks> hooks, Post post, Reader& reader,
         WriteQueue& queue);
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  int number() const { return number_; }

  // To be called now and then.
  void Tend(Database& database);

  // True for one server at a time, who does what needs doing once.
  bool IsCaretaker() { return role_ == Role::kServer && membership_.IsCaretaker(); }

  // Before a clean end: nothing is left behind.
  void Leave() { membership_.Leave(); }

 private:
  void LookForChanges(Database& database);
  void TakeOver(int dead);

  // How takeovers have ended.
  struct Outcomes {
    std::mutex mutex;
    std::vector<int> done;    // members whose work is ours now, on disk too
    std::vector<int> failed;  // members whose work could not be taken over yet
  };

  Membership membership_;
  const int number_;
  const Role role_;
  const std::shared_ptr<const StoreHooks> hooks_;  // shared: what has been posted may outlive the store
  const Post post_;
  Reader& reader_;
  WriteQueue& queue_;
  const std::shared_ptr<Outcomes> outcomes_ = std::make_shared<Outcomes>();  // shared for the same reason
  std::int64_t data_version_ = 0;
};

}  // namespace trunkline::store
