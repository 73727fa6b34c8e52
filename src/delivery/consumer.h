// Hands the messages of one embedded queue to a handler, so many at a time, and again until it is content or
// has failed often enough: then the message is a dead letter of the step `consume`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "retry/policy.h"
#include "retry/timer_wheel.h"
#include "store/queue_log.h"

namespace trunkline::delivery {

struct ConsumerOptions {
  std::string queue;
  int concurrency = 1;               // messages in hand at a time
  std::int64_t visible_ms = 60'000;  // one that is not settled for so long is handed out again, to anybody
  // Its `attempts` are how often a message is handed out in all, its waits the times in between.
  std::shared_ptr<const retry::Policy> retry = std::make_shared<retry::Policy>();
  std::int64_t poll_ms = 1000;  // how often it looks for what has come due, beside what it hears of
};

// One thread, the engine's.
class Consumer {
 public:
  using Handler = std::function<void(store::QueueMessage)>;

  // Begins at once. Both references outlive the consumer. `failed` hears of a store that refuses, once until
  // it works again.
  Consumer(ConsumerOptions options, store::QueueLog& log, retry::TimerWheel& timers, const Clock& clock,
           Handler handler, std::function<void(const Error&)> failed);
  ~Consumer();

  // The handler is done with a message that it was given.
  void Settle(std::int64_t seq, int deliveries, Status result);

  // There may be something new.
  void Look();

  // Hands out no more; calls back once the handler has settled what it has in hand and that is written down.
  // What it has not settled after `grace_ms` is given back, and comes again at once.
  void Stop(std::int64_t grace_ms, std::function<void()> stopped);

 private:
  void OnTaken(Result<store::TakenMessages> taken);
  store::QueueLog::Recorded Written();
  void OnSettled(Status written);
  void GiveBack(std::int64_t seq, int deliveries);
  void GiveBackAll();
  void CheckStopped();

  const ConsumerOptions options_;
  store::QueueLog& log_;
  retry::TimerWheel& timers_;
  const Clock& clock_;
  const Handler handler_;
  const std::function<void(const Error&)> failed_;

  struct InHand;
  std::unique_ptr<InHand> in_hand_;
  bool taking_ = false;
  bool look_again_ = false;  // asked to while taking
  bool refused_ = false;
  int settling_ = 0;  // results that are being written down
  retry::Timer poll_timer_;
  retry::Timer grace_timer_;
  std::vector<std::function<void()>> stopped_;
  bool stopping_ = false;
  std::shared_ptr<Consumer*> self_;  // lets callbacks find out whether the consumer is still there
};

}  // namespace trunkline::delivery
