// What happens when a store is opened: its directory is made, its membership begins, the file gets its
// tables, the memory of ids is filled where it has been lost, and what members that are gone have left is
// taken over.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/database.h"
#include "store/membership.h"
#include "store/options.h"

namespace trunkline::store {

struct Opened {
  std::optional<Membership> membership;  // none: an onlooker's. Ends after the database has been closed
  Database database;
  std::vector<StoredEvent> unfinished;  // this store's now, in the order of arrival
};

// `ids` may be null. Blocks: other members may be opening too. CLOSED as soon as `give_up` says so.
Result<Opened> OpenStore(const StoreOptions& options, const Clock& clock, IdMemory* ids,
                         const std::function<bool()>& give_up);

}  // namespace trunkline::store
