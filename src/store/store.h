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
#include "store/queue_log.h"
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
  std::int64_t group_window_ms = 3;   // under load, syncs are at least this far apart
  // How often a server looks for members that are gone and for what is too old, and a consumer for what
  // others have written.
  std::int64_t tend_interval_ms = 1000;
  Role role = Role::kServer;
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

// Callbacks run through `post`, in one call for everything that a commit has made durable; never inside the
// call that takes them. Methods may be called from any thread.
class Store final : public Journal, public QueueLog {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;
  using Recorded = std::function<void(Status)>;
  using Post = std::function<void(std::function<void()>)>;

  // Starts the thread.
  Store(StoreOptions options, const Clock& clock, Post post, StoreHooks hooks = {});
  // Writes what is waiting, then stops the threads: this may take as long as a commit. Nothing is posted
  // afterwards.
  ~Store() override;

  // Opens the file, made if need be, and takes over what members that are gone have left: their unfinished
  // events, in the order of arrival. Everything submitted before it has succeeded fails.
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
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace trunkline::store
