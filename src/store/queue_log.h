// What a consumer needs of a store.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "store/queues_table.h"

namespace trunkline::store {

// Callbacks never run inside the call that takes them.
class QueueLog {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;
  using Recorded = std::function<void(Status)>;

  virtual ~QueueLog() = default;

  // Hands out up to `limit` messages of the queue, which nobody else gets for `visible_ms`.
  virtual void Take(std::string queue, int limit, std::int64_t visible_ms,
                    Callback<TakenMessages> callback) = 0;

  // The message is done with. `deliveries` is the number that it was handed out with: where it has been
  // handed out again since, nothing happens. Not urgent: waits for the next commit.
  virtual void Ack(std::int64_t seq, int deliveries, Recorded callback) = 0;

  // It is to be handed out again, after a while; `failed` says why.
  virtual void Nack(std::int64_t seq, int deliveries, std::int64_t delay_ms, Try failed,
                    Recorded callback) = 0;

  // It is given up. False: it has been handed out again since.
  virtual void BuryMessage(DeadLetter letter, int deliveries, Callback<bool> callback) = 0;
};

}  // namespace trunkline::store
