// The path of an event after the door: stored, published to its queue, sent to the platform, tried again or
// buried.
//
// Accept writes the event, which by its row lies in its queue; the sender can be answered with success
// only after that commit. Then the platform is called, with the same idempotency key and the same bytes at
// every try. A success is answered at once and recorded with the next commit: a crash in between repeats the
// call under its old key. Tries used up, or an error that no try can mend: a dead letter, from which a replay
// resumes at the step that failed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "delivery/admission.h"
#include "delivery/exchange.h"
#include "delivery/request_template.h"
#include "retry/policy.h"
#include "retry/timer_wheel.h"
#include "store/store.h"

namespace trunkline::delivery {

struct PipelineOptions {
  RequestTemplate request;
  std::shared_ptr<const retry::Policy> retry = std::make_shared<retry::Policy>();
  std::unordered_map<std::string, std::string> routes;  // intent → queue
  std::string default_queue;
  std::int64_t timeout_ms = 5000;         // one try
  std::int64_t respond_within_ms = 5000;  // then the answer is kAccepted, and the work goes on
  std::size_t max_pending = 100'000;      // events under way; beyond: QUEUE_FULL
};

enum class AnswerKind : std::uint8_t {
  kProcessed,  // all steps done
  kDuplicate,  // somebody else's earlier call has it, and it is on disk
  kAccepted,   // on disk, still being worked on
  kDead,       // on disk as a dead letter: `error`
  kRefused,    // not on disk, nothing was accepted: `error`
  kUnknown,    // Replay: no event of that id is stored
};

struct Answer {
  AnswerKind kind;
  Error error{};
};
using AnswerCallback = std::function<void(const Answer&)>;

// The end of a delivery, for logs. Also of those whose answer was kAccepted long before. By then it is not
// pending any more.
struct Finished {
  std::string event_id;
  bool success = false;
  double duration_ms = 0;  // from the event's arrival in this process
  int attempts = 0;
  Error error{};              // when not a success
  std::uint64_t pending = 0;  // what is still under way
};

// Readable from any thread while the pipeline works.
struct PipelineCounters {
  std::atomic<std::uint64_t> accepted{0};  // put on disk
  std::atomic<std::uint64_t> processed{0};
  std::atomic<std::uint64_t> dead{0};
  std::atomic<std::uint64_t> pending{0};  // under way now, from Accept on
};

// Everything but Accept on one thread, the engine's, and all callbacks there.
class Pipeline {
 public:
  // `exchange` is the platform's; all references outlive the pipeline.
  Pipeline(PipelineOptions options, store::Journal& journal, Exchange& exchange, retry::TimerWheel& timers,
           const Clock& clock, Admission& admission, PipelineCounters& counters,
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
  // from the start; one that is under way is waited for. `fresh` is the whole event where the caller has it,
  // and is accepted when none of that id is stored.
  struct FreshEvent {
    json::EventFields fields;
    std::string payload;
    bool looked_again = false;
  };
  void Replay(std::string event_id, std::optional<FreshEvent> fresh, std::int64_t arrived_us,
              AnswerCallback answer);

  // Goes on with what an earlier run left unfinished.
  void Resume(std::vector<store::StoredEvent> events);

  // Takes nothing more, lets requests in flight finish for up to `grace_ms`, leaves the rest on disk for the
  // next start, then calls back, which must not destroy the pipeline yet: it may be in the middle of a turn.
  void Stop(std::int64_t grace_ms, std::function<void()> stopped);

 private:
  struct Delivery;

  std::shared_ptr<Delivery> Begin(store::StoredEvent event, json::EventFields fields, std::int64_t arrived_us,
                                  AnswerCallback answer);
  void AcceptFresh(FreshEvent fresh, std::int64_t arrived_us, AnswerCallback answer);
  void Rerun(store::FoundEvent found, std::int64_t arrived_us, AnswerCallback answer);
  void OnStored(json::EventFields fields, std::int64_t arrived_us, AnswerCallback answer,
                Result<store::StoredEvent> stored);
  void CallPlatform(Delivery& delivery);
  void RecordFailedTry(Delivery& delivery, const Error& error);
  void OnCallEnd(Delivery& delivery, Result<Reply> result);
  void Succeed(Delivery& delivery);
  void Fail(Delivery& delivery);
  void End(Delivery& delivery, bool success);
  void Bury(Delivery& delivery);
  void Await(Delivery& delivery, std::int64_t since_ms, AnswerCallback answer);
  void OnAnswerDue(Delivery& delivery);
  void GiveAnswer(Delivery& delivery, const Answer& answer);
  std::shared_ptr<Delivery> Remove(Delivery& delivery);
  void MarkDone(std::int64_t seq, std::string event_id);
  void KeepUnrecorded(std::int64_t seq, std::string event_id);
  void Park(Delivery& delivery);
  void ParkAll(bool sending_too);
  void CheckStopped();

  const PipelineOptions options_;
  store::Journal& journal_;
  Exchange& exchange_;
  retry::TimerWheel& timers_;
  const Clock& clock_;
  Admission& admission_;
  PipelineCounters& counters_;
  const std::function<void(const Finished&)> on_finished_;

  std::unordered_map<std::string_view, std::shared_ptr<Delivery>> deliveries_;  // by event id, their own
  std::unordered_map<std::string, std::vector<AnswerCallback>>
      duplicates_;  // of events that are on their way to the disk
  std::vector<std::pair<std::int64_t, std::string>>
      unrecorded_;  // done, but the store could not write it down yet: seq, id
  retry::Timer unrecorded_timer_;
  std::shared_ptr<Pipeline*> self_;  // lets callbacks find out whether the pipeline is still there
  std::function<void()> stopped_;
  std::atomic<bool> stopping_{false};
  retry::Timer grace_timer_;
};

}  // namespace trunkline::delivery
