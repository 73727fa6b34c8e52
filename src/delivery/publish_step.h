// The publish step of events whose queue is elsewhere: turn → hand over → judge → try again, for any number
// of events at once.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "delivery/publisher.h"
#include "retry/policy.h"
#include "retry/timer_wheel.h"
#include "store/records.h"

namespace trunkline::delivery {

class PublishStep;

// A message under way. It lies inside the object that waits for it, like a PendingCall; destroying it gives
// the message up. Not movable: the step holds its address, and outlives it.
class PendingPublish
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  // `event` holds its payload, and outlives this. `on_end` is called once for each Start, as the last thing
  // that the step does with it; `on_failed_try` for each try that failed, before what follows.
  using OnEnd = std::function<void(Status)>;
  using OnFailedTry = std::function<void(const Error&)>;
  PendingPublish(const store::StoredEvent& event, OnEnd on_end, OnFailedTry on_failed_try);
  ~PendingPublish();

  bool sending() const { return ticket_.has_value(); }  // has the publisher got it now?
  int attempts() const { return attempts_; }
  std::int64_t try_started_ms() const { return try_started_ms_; }  // monotonic; of the last try

 private:
  friend class PublishStep;
  const store::StoredEvent& event_;
  const OnEnd on_end_;
  const OnFailedTry on_failed_try_;
  PublishStep* step_ = nullptr;  // while under way
  int attempts_ = 0;
  std::int64_t started_ms_ = 0;
  std::int64_t try_started_ms_ = 0;
  std::optional<Publisher::Ticket> ticket_;
  retry::Timer timer_;  // of the try that is under way, or until the next
};

struct PublishOptions {
  retry::Policy retry;
  std::int64_t timeout_ms = 5000;   // one try
  std::size_t max_in_flight = 256;  // that the publisher has at once; the rest wait their turn
};

// Everything on one thread, the engine's. All references outlive the step.
class PublishStep {
 public:
  PublishStep(PublishOptions options, Publisher& publisher, retry::TimerWheel& timers, const Clock& clock);
  PublishStep(const PublishStep&) = delete;
  PublishStep& operator=(const PublishStep&) = delete;

  // Ends with Ok, or with the last try's error and the tries made. Never inside this call.
  void Start(PendingPublish& pending);

  // Ends it with TIMEOUT and that message; nothing when it is not under way.
  void TimeOut(PendingPublish& pending, std::string message);

  // From now on nothing is handed over: what the publisher has ends with its result, or with CLOSED where a
  // further try would follow. The others are left to their owner.
  void SendNoMore() { sends_ = false; }

 private:
  friend class PendingPublish;
  using Line = boost::intrusive::list<PendingPublish, boost::intrusive::constant_time_size<false>>;

  void WaitForTurn(PendingPublish& pending);
  void ServeTurns();
  void Send(PendingPublish& pending);
  void OnTimer(PendingPublish& pending);
  void FailTry(PendingPublish& pending, Error error);
  void TakeBack(PendingPublish& pending);
  void Forget(PendingPublish& pending);
  void End(PendingPublish& pending, Status result);

  const PublishOptions options_;
  Publisher& publisher_;
  retry::TimerWheel& timers_;
  const Clock& clock_;
  Line turn_line_;
  std::size_t in_flight_ = 0;
  retry::Timer turn_timer_;
  bool sends_ = true;
};

}  // namespace trunkline::delivery
