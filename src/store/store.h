// The durable store of events: one SQLite file in one data directory, written by one thread.
// That thread takes everything that is waiting, writes it in one transaction, syncs once, and answers all
// (group commit).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace trunkline::store {

// One accepted event and how far its delivery has come.
struct StoredEvent {
  std::int64_t seq = 0;  // given by the store; 0 before
  std::string event_id{};
  std::string intent{};
  int step = 0;                   // the first step that is not done
  std::int64_t received_at = 0;   // ms, wall clock
  std::string queue{};            // where the publish step puts it; empty: not yet
  std::int64_t published_at = 0;  // ms, wall clock; when it was put there
  std::string idempotency_key{};
  std::string payload{};
};

struct Try {
  std::int64_t at = 0;  // ms, wall clock
  std::string code{};   // name of the error
  int status = 0;
  std::int64_t duration_ms = 0;
};

struct DeadLetter {
  std::int64_t seq = 0;
  std::string event_id{};
  std::string step{};  // "publish" or "request"
  std::string code{};
  int status = 0;
  std::string error{};
  std::vector<Try> tries{};
  std::int64_t failed_at = 0;
};

enum class EventState : int { kUnfinished = 0, kDone = 1, kDead = 2 };

// An id to be remembered by the ring after a restart.
struct RememberedId {
  std::string event_id;
  bool done = false;
  std::int64_t at_ms = 0;
};

struct Recovery {
  std::vector<RememberedId> ids;        // within their lifetime, oldest first
  std::vector<StoredEvent> unfinished;  // in order of arrival
};

struct FoundEvent {
  StoredEvent event;
  EventState state = EventState::kUnfinished;
};

struct StoreOptions {
  std::string directory;
  std::int64_t id_ttl_ms = 86'400'000;  // how long finished events, and with them their ids, are kept
  std::size_t max_waiting = 262'144;    // writes that wait for the thread; beyond: QUEUE_FULL
  std::int64_t group_window_ms = 3;     // under load, syncs are at least this far apart
};

// What a delivery needs of a store. Callbacks never run inside the call that takes them.
class Journal {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;
  using Recorded = std::function<void(Status)>;

  virtual ~Journal() = default;

  // Writes a new event. Where `event.queue` is set, its row lies in that queue: then that is when it was
  // published.
  // Gives it back, with its seq and without its payload, once it is on disk. This method alone may be called
  // from any thread.
  virtual void Append(StoredEvent event, Callback<StoredEvent> callback) = 0;

  // Records that the delivery is done. Not urgent: it waits for the next commit, a few ms at most.
  virtual void MarkDone(std::int64_t seq, Recorded callback) = 0;

  // Records that the delivery has failed for good.
  virtual void Bury(DeadLetter letter, Recorded callback) = 0;

  // Makes a finished event unfinished again; a dead letter is one no more. `republish` puts it into its queue
  // once more.
  virtual void Reopen(std::int64_t seq, bool republish, Recorded callback) = 0;

  // The latest event of that id. Reads have a connection of their own: a long scan holds up no commit.
  virtual void Find(std::string event_id, Callback<std::optional<FoundEvent>> callback) = 0;

  // In the order in which they failed.
  virtual void DeadLetters(Callback<std::vector<DeadLetter>> callback) = 0;
};

// The journal on disk. Callbacks run through `post`, in one call for everything that a commit has made
// durable. Methods may be called from any thread.
class Store final : public Journal {
 public:
  using Post = std::function<void(std::function<void()>)>;

  // Starts the thread. The directory is made if need be; a second store on it, in this process or another, is
  // STORE_UNAVAILABLE.
  Store(StoreOptions options, const Clock& clock, Post post);
  // Writes what is waiting, then stops the thread: this may take as long as a commit. Nothing is posted
  // afterwards.
  ~Store() override;

  // Opens the file and reads what an earlier run left. Everything submitted before it has succeeded fails.
  void Open(Callback<Recovery> callback);

  void Append(StoredEvent event, Callback<StoredEvent> callback) override;
  void MarkDone(std::int64_t seq, Recorded callback) override;
  void Bury(DeadLetter letter, Recorded callback) override;
  void Reopen(std::int64_t seq, bool republish, Recorded callback) override;
  void Find(std::string event_id, Callback<std::optional<FoundEvent>> callback) override;
  void DeadLetters(Callback<std::vector<DeadLetter>> callback) override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace trunkline::store
