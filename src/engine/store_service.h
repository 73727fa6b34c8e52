// An event store beside the server that works on it, in its process or another: consumers of the embedded
// queues, and what looks after the dead letters.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "delivery/consumer.h"
#include "engine/engine.h"
#include "store/store.h"

namespace trunkline::engine {

// Called on the engine thread; `consumer` is the number that StartConsumer was given.
struct StoreServiceCallbacks {
  std::function<void(std::uint32_t consumer, store::QueueMessage message)> message;
  // The store refuses what that consumer asks of it; told once until it works again.
  std::function<void(std::uint32_t consumer, const Error& error)> refused;
};

// Methods are called on one thread, the owner's; callbacks come on the engine thread, and none after the end.
class StoreService {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;

  StoreService(std::shared_ptr<Engine> engine, store::StoreOptions options, StoreServiceCallbacks callbacks);
  // Drops what is under way; waits until the engine has let go.
  ~StoreService();
  StoreService(const StoreService&) = delete;
  StoreService& operator=(const StoreService&) = delete;

  // Before it has succeeded everything else fails.
  void Open(Callback<std::monostate> callback);

  void Put(store::StoredEvent message, Callback<store::StoredEvent> callback);
  void Find(std::string event_id, Callback<std::optional<store::FoundEvent>> callback);
  void DeadLetters(store::DeadLetterFilter filter, Callback<std::vector<store::DeadLetter>> callback);
  void Purge(store::DeadLetterFilter filter, Callback<std::int64_t> callback);
  void Requeue(std::int64_t seq, Callback<bool> callback);
  void QueueDepths(Callback<std::vector<store::QueueDepth>> callback);

  void StartConsumer(std::uint32_t consumer, delivery::ConsumerOptions options);
  void Settle(std::uint32_t consumer, std::int64_t seq, int deliveries, Status result);
  void StopConsumer(std::uint32_t consumer, std::int64_t grace_ms, std::function<void()> stopped);

  // Stops every consumer, writes everything down, lets go of the files.
  void Close(std::int64_t grace_ms, std::function<void()> closed);

 private:
  struct Core;  // lives on the engine thread

  template <typename T, typename Work>
  void WithStore(Callback<T> callback, Work work);

  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Core> core_;
};

}  // namespace trunkline::engine
