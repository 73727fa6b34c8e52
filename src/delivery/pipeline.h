// The path of an event after the door: stored, published to its queue, sent to the platform, tried again or
// buried.
//
// Accept writes the event down; only after that commit can its sender be answered with success. Then come two
// steps, each begun when the result of the one before is on disk:
//   publish  puts the event into its queue. An embedded queue is a table of the store, where it lies already;
//   to
//            a queue elsewhere it is handed over by the Publisher, until that has taken it.
//   request  calls the platform, with the same idempotency key and the same bytes at every try. A success is
//            answered at once, and recorded with the next commit.
// A crash between a success and its record repeats the step, under the old key. Tries used up, an error that
// no try can mend, or the deadline passed: a dead letter, from which a replay resumes at the step that
// failed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "delivery/admission.h"
#include "delivery/answers.h"
#include "delivery/exchange.h"
#include "delivery/keyed_lines.h"
#include "delivery/oldest.h"
#include "delivery/publish_step.h"
#include "delivery/publisher.h"
#include "delivery/request_template.h"
#include "retry/policy.h"
#include "retry/timer_wheel.h"
#include "store/journal.h"

namespace trunkline::delivery {

// Events that have this in common are worked on one after the other, in the order in which they were stored
// or replayed: the next begins when the one before is done, or a dead letter. The others do not wait for
// them.
enum class OrderBy : std::uint8_t { kNone, kSession, kDialog, kIntent };

struct PipelineOptions {
  // None: the Publisher is a function that makes the call itself, and once it has taken the event that is
  // done.
  std::optional<RequestTemplate> request;
  std::shared_ptr<const retry::Policy> retry = std::make_shared<retry::Policy>();
  std::int64_t timeout_ms = 5000;                       // one try
  std::unordered_map<std::string, std::string> routes;  // intent → queue
  std::string default_queue;
  PublishOptions publish;  // to queues elsewhere
  OrderBy order_by = OrderBy::kNone;
  // Of the whole delivery, by the wall clock from the event's arrival, or from the beginning of its replay:
  // when it has passed, the event is buried with TIMEOUT. 0: none.
  std::int64_t deadline_ms = 0;
  std::int64_t respond_within_ms = 5000;  // then the answer is kAccepted, and the work goes on
  std::size_t max_pending = 100'000;      // events under way; beyond: QUEUE_FULL
};

// The end of a delivery, for logs. Also of those whose answer was kAccepted long before. By then it is not
// pending any more.
struct Finished {
  std::string event_id;
  bool success = false;
  double duration_ms = 0;     // from the event's arrival in this process
  int attempts = 0;           // of the last step
  Error error{};              // when not a success
  std::uint64_t pending = 0;  // what is still under way
};

// Readable from any thread while the pipeline works.
struct PipelineCounters {
  std::atomic<std::uint64_t> accepted{0};  // put on disk
  std::atomic<std::uint64_t> processed{0};
  std::atomic<std::uint64_t> retried{0};  // tries of either step after its first, that have ended
  std::atomic<std::uint64_t> dead{0};
  std::atomic<std::uint64_t> pending{0};  // under way now, from Accept on
  // Of those under way that are on disk: when the oldest arrived, or its replay began. ms, wall clock; 0:
  // none.
  std::atomic<std::int64_t> oldest_since_ms{0};
};

// Everything but Accept on one thread, the engine's, and all callbacks there.
class Pipeline {
 public:
  // `publisher`: null where all queues are embedded. `exchange` is the platform's, and takes as many calls at
  // once as there are events: its own bound would bury them; null where there is no request. All of them
  // outlive the pipeline.
  Pipeline(PipelineOptions options, store::Journal& journal, Publisher* publisher, Exchange* exchange,
           retry::TimerWheel& timers, const Clock& clock, Admission& admission, PipelineCounters& counters,
           std::function<void(const Finished&)> on_finished);
  ~Pipeline();

  // Takes an event whose id the caller has claimed. `arrived_us` is when it came (monotonic), for the
  // latency. Any one thread, up to Stop: the event goes straight to the store, and the engine sees it when it
  // is on disk, together with all that came in between. Where it is refused at once, `answer` is called at
  // once.
  void Accept(json::EventFields fields, std::string payload, std::int64_t arrived_us, AnswerCallback answer);

  // A duplicate of an event that was in flight: kDuplicate once that one is on disk, else kRefused.
  void JoinDuplicate(const std::string& event_id, AnswerCallback answer);

  // Runs a stored event again, under its old key: a dead letter from the step that failed, a finished one
  // from the start; one that is under way is waited for, or kAccepted where that is in another process.
  // `fresh` is the whole event where the caller has it, and is accepted when none of that id is stored.
  struct FreshEvent {
    json::EventFields fields;
    std::string payload;
    bool looked_again = false;
  };
  void Replay(std::string event_id, std::optional<FreshEvent> fresh, std::int64_t arrived_us,
              AnswerCallback answer);

  // Goes on with what an earlier run left unfinished, or another process. In the order of arrival.
  void Resume(std::vector<store::StoredEvent> events);

  // Takes nothing more, lets what is being sent finish for up to `grace_ms`, leaves the rest on disk for the
  // next start, then calls back, which must not destroy the pipeline yet: it may be in the middle of a turn.
  void Stop(std::int64_t grace_ms, std::function<void()> stopped);

  // After Stop: everything is done, and written down.
  bool left_nothing() const { return !left_work_ && unrecorded_.empty(); }

 private:
  struct Delivery;

  // In.
  bool TakePlace();
  void OnStored(json::EventFields fields, std::int64_t arrived_us, AnswerCallback answer,
                Result<store::StoredEvent> stored);
  void LookElsewhere();
  void AcceptFresh(FreshEvent fresh, std::int64_t arrived_us, AnswerCallback answer);
  void Rerun(store::FoundEvent found, std::int64_t arrived_us, AnswerCallback answer);
  std::shared_ptr<Delivery> Begin(store::StoredEvent event, json::EventFields fields, std::int64_t since_ms,
                                  std::int64_t arrived_us, AnswerCallback answer);

  // The steps.
  void Enter(Delivery& delivery);
  void Work(Delivery& delivery);
  void Publish(Delivery& delivery);
  void OnPublishEnd(Delivery& delivery, Status result);
  void RecordPublished(Delivery& delivery);
  void Request(Delivery& delivery);
  void OnCallEnd(Delivery& delivery, Result<Reply> result);
  void OnFailedTry(Delivery& delivery, const Error& error, std::int64_t started_ms);
  void CountTry(int attempt);
  void FailStep(Delivery& delivery, Error error);
  void OnDeadline(Delivery& delivery);
  Error DeadlineError() const;
  store::Step ToldStep(const Delivery& delivery) const;

  // Out.
  void Succeed(Delivery& delivery);
  void Bury(Delivery& delivery, Error error);
  void RecordDeadLetter(Delivery& delivery);
  void End(Delivery& delivery, bool success);
  std::shared_ptr<Delivery> Remove(Delivery& delivery);
  void MarkDone(std::int64_t seq, std::string event_id);
  void KeepUnrecorded(std::int64_t seq, std::string event_id);
  void Park(Delivery& delivery);
  void ParkAll(bool sending_too);
  void CheckStopped();

  const PipelineOptions options_;
  store::Journal& journal_;
  Exchange* const exchange_;
  retry::TimerWheel& timers_;
  const Clock& clock_;
  Admission& admission_;
  PipelineCounters& counters_;
  const std::function<void(const Finished&)> on_finished_;

  const std::unique_ptr<PublishStep> publish_step_;  // null: all queues are embedded
  KeyedLines lines_;
  Oldest oldest_;
  std::unordered_map<std::string_view, std::shared_ptr<Delivery>> deliveries_;  // by event id, their own
  std::unordered_map<std::string, std::vector<AnswerCallback>>
      duplicates_;  // of events that are on their way to the disk
  // Duplicates of events that other processes are storing.
  struct Elsewhere {
    std::string event_id;
    std::int64_t until_ms;
    AnswerCallback answer;
  };
  std::vector<Elsewhere> elsewhere_;
  std::vector<std::pair<std::int64_t, std::string>>
      unrecorded_;  // done, but the store could not write it down yet: seq, id
  retry::Timer unrecorded_timer_;
  retry::Timer elsewhere_timer_;
  std::shared_ptr<Pipeline*> self_;  // lets callbacks find out whether the pipeline is still there
  std::function<void()> stopped_;
  std::atomic<bool> stopping_{false};
  bool left_work_ = false;
  retry::Timer grace_timer_;
};

}  // namespace trunkline::delivery
