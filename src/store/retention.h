// What is deleted by its age, a few rows at a time, so that no commit waits for it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "store/database.h"

namespace trunkline::store {

struct RetentionOptions {
  std::int64_t done_ms = 86'400'000;  // events that are done, from their arrival on
  std::int64_t kept_ms =
      30LL * 86'400'000;  // dead letters, and messages that nobody has taken from a queue that is read
};

// Goes through the rows from the oldest on, and stops where they are young. Unfinished events stay whatever
// their age. A message in a queue that nobody has ever read goes with its event.
class Retention {
 public:
  explicit Retention(const RetentionOptions& options) : options_(options) {}

  // Looks at up to `rows` more rows, and deletes what is over. True: there is more to look at now.
  Result<bool> Step(Database& database, std::int64_t now_ms, int rows);

  // A step in a transaction that is under way. One that fails leaves nothing behind, and fails nothing else.
  void Sweep(Database& database, std::int64_t now_ms);
  bool has_more() const { return has_more_; }  // to look at, after the last sweep

 private:
  Result<bool> DeleteDone(Database& database, std::int64_t now_ms, int rows);
  Result<bool> DeleteNotes(Database& database, std::int64_t now_ms, int rows);
  Result<bool> DeleteLetters(Database& database, std::int64_t now_ms, int rows);

  const RetentionOptions options_;
  std::int64_t looked_to_ = 0;   // rows up to here are young enough or wanted
  std::int64_t restart_at_ = 0;  // when those are looked at again; wall clock
  bool has_more_ = false;
};

}  // namespace trunkline::store
