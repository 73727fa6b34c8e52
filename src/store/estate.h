// What members that are gone have left in the file, and how it becomes another member's, the heir's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/events_table.h"
#include "store/records.h"

namespace trunkline::store {

struct Estate {
  std::vector<StoredEvent> unfinished;  // in the order of arrival
  std::vector<std::int64_t> of_others;  // those among them that another number than the heir's stands for
  std::vector<RememberedId> ids;        // of these, and of the last dead letters
};

Result<Estate> ReadEstate(Database& database, const MemberTest& is_gone, int heir);

// In a transaction: the heir works on the events, and messages that those who are `gone` had in hand are due.
Status Inherit(Database& database, const Estate& estate, const std::vector<int>& gone, int heir);

}  // namespace trunkline::store
