// What a store is given: its options, who remembers ids for it, whom it tells, and the way its answers take.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/records.h"
#include "store/retention.h"

namespace trunkline::store {

enum class Role {
  kServer,    // accepts events and works on them, and takes over from servers that are gone
  kConsumer,  // puts messages into the embedded queues and takes them out
  kOnlooker,  // looks at what lies there, and purges; the files have to be there already
};

struct StoreOptions {
  std::string directory{};
  std::string name = "events";        // of the files there
  RetentionOptions retention{};       // `done_ms` is also how long ids are remembered
  std::size_t max_waiting = 262'144;  // writes that wait for the thread; beyond: QUEUE_FULL
  std::int64_t group_window_ms = 3;   // under load, a sync waits for more writes until so long after the last
  // How often a server looks for members that are gone and for what is too old, and a consumer for what
  // others have written.
  std::int64_t tend_interval_ms = 1000;
  Role role = Role::kServer;

  std::string database_path() const { return directory + "/" + name + ".db"; }
  std::string members_path() const { return directory + "/" + name + ".members"; }
};

// What remembers ids for all members of a directory. Called on the store's threads, one call at a time.
class IdMemory {
 public:
  virtual ~IdMemory() = default;

  // This store is `member` now. `alone`: nobody else uses the memory. True: it knows no ids (any more), and
  // is to be given all of them. Nobody else joins meanwhile.
  virtual Result<bool> Join(int member, bool alone) = 0;

  // Oldest first; then Restored.
  virtual void Restore(const RememberedId& id) = 0;
  virtual void Restored() = 0;

  // That member is gone. `ids` are those of its events that are on disk and may be in flight; what else it
  // had in flight never got there.
  virtual void TakeOver(int member, const std::vector<RememberedId>& ids) = 0;
};

struct StoreHooks {
  std::shared_ptr<IdMemory> ids{};  // null: nobody remembers
  // Through `post`, from Open on: unfinished events of a member that is gone are this store's now, in the
  // order of arrival.
  std::function<void(std::vector<StoredEvent>)> inherited{};
  // Through `post`: somebody else has written to the file. Consumers only.
  std::function<void()> changed{};
};

// Has a job run on the thread that gets the answers. Any thread.
using Post = std::function<void(std::function<void()>)>;

}  // namespace trunkline::store
