// The embedded queues in SQL. An event lies in its queue by its own row; a queue's cursor says how far the
// rows have been read, and `taken` holds those before it that are not done.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/records.h"

namespace trunkline::store {

// A message that has been handed out.
struct QueueMessage {
  StoredEvent event;
  int deliveries = 1;  // how often, this time included
};

struct TakenMessages {
  std::vector<QueueMessage> messages;
  bool look_again = false;  // the look ended before the end of the log: there may be more
  std::int64_t next_due_at =
      0;  // ms, wall clock: when a message in hand, or one that failed, is due; 0: none
};

// Hands out up to `limit` messages, which nobody else gets before `until_ms` (wall clock): first those that
// are due again, then new ones in the order of arrival.
Result<TakenMessages> TakeMessages(Database& database, const std::string& queue, int limit, int member,
                                   std::int64_t now_ms, std::int64_t until_ms);

// Done with. Nothing happens when it has been handed out again since.
Status AckMessage(Database& database, std::int64_t seq, int deliveries);

// Due again at `due_ms`, the same way; `failed` says what happened.
Status NackMessage(Database& database, std::int64_t seq, int deliveries, std::int64_t due_ms,
                   const Try& failed);

// What a consumer gave up. False: it has been handed out again since.
Result<bool> BuryMessage(Database& database, const DeadLetter& letter, int deliveries);

// A dead letter of the step `consume` becomes a message again. False: there is none (any more).
Result<bool> RequeueMessage(Database& database, std::int64_t seq, std::int64_t now_ms);

// What members that are gone had in hand is due at once.
Status ReleaseMessages(Database& database, int member);

struct QueueDepth {
  std::string queue;
  std::int64_t ready = 0;      // wait to be handed out
  std::int64_t taken = 0;      // in hand, or waiting for another time
  std::int64_t oldest_at = 0;  // ms, wall clock: when the oldest of them was published; 0: there is none
  bool read = false;           // has anybody ever read it?
};
Result<std::vector<QueueDepth>> ReadQueueDepths(Database& database);

}  // namespace trunkline::store
