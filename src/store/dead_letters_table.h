// Dead letters in SQL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/records.h"

namespace trunkline::store {

// Which dead letters are meant. What is not set fits all.
struct DeadLetterFilter {
  std::optional<std::string> event_id{};
  std::optional<std::int64_t> since_ms{};   // that failed then or later; wall clock
  std::optional<std::int64_t> before_ms{};  // that failed earlier
  std::optional<Step> step{};
  std::optional<std::string> code{};
  std::optional<std::string> intent{};
  std::int64_t after_id = 0;  // the cursor: those that failed after that letter
  std::int64_t limit = 1000;  // so many at most
};

constexpr std::int64_t kMaxTriesKept = 100;  // of an event's step, over all its runs

// Takes the place of an earlier letter of that event and step, whose tries stay.
Status InsertDeadLetter(Database& database, const DeadLetter& letter);

// Behind those that are there already; of more than kMaxTriesKept the oldest go.
Status AppendTries(Database& database, std::int64_t seq, Step step, const std::vector<Try>& tries);

// When the one that has been there longest failed, ms; none: 0.
Result<std::int64_t> OldestDeadLetter(Database& database);

// The id of the last one that was written; none: 0.
Result<std::int64_t> NewestDeadLetter(Database& database);

// In the order of failing, with all their tries.
Result<std::vector<DeadLetter>> ReadDeadLetters(Database& database, const DeadLetterFilter& filter);

// Deletes up to `limit` of them, and the events where nothing else of them is wanted: how many letters.
Result<std::int64_t> PurgeDeadLetters(Database& database, const DeadLetterFilter& filter);

}  // namespace trunkline::store
