// The durable store of events: one SQLite file in one data directory, which several processes of one machine
// may share. Each has one thread that writes: it takes everything that is waiting, writes it in one
// transaction, syncs once, and answers all (group commit).
//
// Every store is a member of the directory (membership.h) and works on the events that it has accepted. When
// a member is gone, whoever sees it first takes over what it left. Which ids have been seen is known to a
// memory that all members share (IdMemory); the store fills it from its rows when it has been lost.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/dead_letters_table.h"
#include "store/journal.h"
#include "store/options.h"
#include "store/queue_log.h"

namespace trunkline::store {

// Callbacks run through `post`, in one call for everything that a commit has made durable; never inside the
// call that takes them. Methods may be called from any thread.
class Store final : public Journal, public QueueLog {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;
  using Recorded = std::function<void(Status)>;

  // Starts the thread.
  Store(StoreOptions options, const Clock& clock, Post post, StoreHooks hooks = {});
  // Writes what is waiting, then stops the threads: this may take as long as a commit. Nothing is posted
  // afterwards.
  ~Store() override;

  // Opens the file, made if need be, and takes over what members that are gone have left: their unfinished
  // events, in the order of arrival. Everything submitted before it has succeeded fails. Once
  // only, unless it has failed.
  void Open(Callback<std::vector<StoredEvent>> callback);

  // Nothing of this store's is unfinished, and it takes no more: the next member need not look.
  void NothingLeft();

  void Append(StoredEvent event, Callback<StoredEvent> callback) override;
  void MarkPublished(std::int64_t seq, std::int64_t at, Recorded callback) override;
  void MarkDone(std::int64_t seq, Recorded callback) override;
  void Bury(DeadLetter letter, Recorded callback) override;
  void Reopen(std::int64_t seq, bool from_start, Callback<bool> callback) override;
  void Find(std::string event_id, Callback<std::optional<FoundEvent>> callback) override;

  // Notes: see notes_table.h.
  void PutNote(std::string key, std::string value, std::int64_t lifetime_ms, Recorded callback);
  void FindNote(std::string key, Callback<std::optional<std::string>> callback);

  // Dead letters: see dead_letters_table.h.
  void DeadLetters(DeadLetterFilter filter, Callback<std::vector<DeadLetter>> callback);
  void Purge(DeadLetterFilter filter, Callback<std::int64_t> callback);

  void Take(std::string queue, int limit, std::int64_t visible_ms, Callback<TakenMessages> callback) override;
  void Ack(std::int64_t seq, int deliveries, Recorded callback) override;
  void Nack(std::int64_t seq, int deliveries, std::int64_t delay_ms, Try failed, Recorded callback) override;
  void BuryMessage(DeadLetter letter, int deliveries, Callback<bool> callback) override;

  // Publishes a message that no delivery belongs to.
  void Put(StoredEvent message, Callback<StoredEvent> callback);

  // What a consumer gave up is a message again. False: it is not among the dead letters (any more).
  void Requeue(std::int64_t seq, Callback<bool> callback);

  void QueueDepths(Callback<std::vector<QueueDepth>> callback);

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace trunkline::store
