// What a delivery needs of a store.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "store/records.h"

namespace trunkline::store {

// Callbacks never run inside the call that takes them. All but Append: one thread.
class Journal {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;
  using Recorded = std::function<void(Status)>;

  virtual ~Journal() = default;

  // Writes a new event; an embedded one lies in its queue from then on. Gives it back, with its seq and
  // without its payload, once it is on disk. Any thread.
  virtual void Append(StoredEvent event, Callback<StoredEvent> callback) = 0;

  // Records that the event lies in its queue elsewhere, since `at` (ms, wall clock).
  virtual void MarkPublished(std::int64_t seq, std::int64_t at, Recorded callback) = 0;

  // Records that the delivery is done. Not urgent: it waits for the next commit, a few ms at most.
  virtual void MarkDone(std::int64_t seq, Recorded callback) = 0;

  // Records that the delivery has failed for good. A letter of the same event and step takes the place of an
  // earlier one, whose tries stay.
  virtual void Bury(DeadLetter letter, Recorded callback) = 0;

  // Makes a finished event this store's and unfinished again; a dead letter is one no more. `from_start`: it
  // is to be published once more; one that is embedded lies in its queue again at once. False: it was not
  // finished (any more), so that somebody else works on it.
  virtual void Reopen(std::int64_t seq, bool from_start, Callback<bool> callback) = 0;

  // The latest event of that id, a dead letter before all others. Reads have a connection of their own: a
  // long scan holds up no commit.
  virtual void Find(std::string event_id, Callback<std::optional<FoundEvent>> callback) = 0;
};

}  // namespace trunkline::store
