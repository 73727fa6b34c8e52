// Events in SQL: their rows, what has become of them, and whose they are.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/records.h"

namespace trunkline::store {

// Gives the event its seq, and an embedded one `now_ms` as the time of its publishing.
Status InsertEvent(Database& database, StoredEvent& event, int member, std::int64_t now_ms);

Status SetPublished(Database& database, std::int64_t seq, std::int64_t at_ms);
Status SetOutcome(Database& database, std::int64_t seq, EventState state);

// False: it is not finished (any more).
Result<bool> ReopenEvent(Database& database, std::int64_t seq, int member, bool from_start,
                         std::int64_t now_ms);

Result<std::optional<FoundEvent>> FindEvent(Database& database, const std::string& event_id);

// The event, if it is (still) there.
Result<std::optional<StoredEvent>> ReadEvent(Database& database, std::int64_t seq);

// Unfinished events of the members that `is_gone` picks, in the order of arrival, and with them who worked on
// each.
using MemberTest = std::function<bool(int member)>;
struct LeftEvent {
  StoredEvent event;
  int member;
};
Result<std::vector<LeftEvent>> ReadUnfinished(Database& database, const MemberTest& is_gone);

// The ids of events received since `oldest_ms` and of all unfinished ones, oldest first.
Status ReadIds(Database& database, std::int64_t oldest_ms,
               const std::function<void(const RememberedId&)>& on_id);

// From now on `member` works on it.
Status TakeCustody(Database& database, std::int64_t seq, int member);

Status DeleteEvent(Database& database, std::int64_t seq);

// "DELETE FROM … WHERE event = ?1" and the like: one parameter, no rows.
Status RunWith(Database& database, std::string_view sql, std::int64_t parameter);

}  // namespace trunkline::store
