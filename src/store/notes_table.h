// Notes: small facts under a key, each for a while. What a service has to find again after a restart, or in
// another process of the directory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/database.h"

namespace trunkline::store {

// In place of an earlier one under that key.
Status PutNote(Database& database, std::string_view key, std::string_view value, std::int64_t expires_at_ms);

// Nothing where there is none, or its time is over.
Result<std::optional<std::string>> FindNote(Database& database, std::string_view key, std::int64_t now_ms);

// Those whose time is over, up to `rows` of them: how many.
Result<int> DeleteOldNotes(Database& database, std::int64_t now_ms, int rows);

}  // namespace trunkline::store
