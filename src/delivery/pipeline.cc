#include "delivery/pipeline.h"

#include <algorithm>

#include "crypto/random.h"

namespace trunkline::delivery {
namespace {

constexpr std::int64_t kStoreRetryMs =
    1000;                      // how soon a record that the store refused is offered to it again
constexpr int kPublished = 1;  // value of `step` once the event lies in its queue

Error ClosedError() { return {.code = ErrorCode::kClosed, .message = "the service is shutting down"}; }

}  // namespace

struct Pipeline::Delivery {
  enum class State : std::uint8_t { kReopening, kCalling, kBurying };

  explicit Delivery(Pipeline& pipeline)
      : call([this, &pipeline](Result<Reply> result) { pipeline.OnCallEnd(*this, std::move(result)); },
             [this, &pipeline](const Error& error) { pipeline.RecordFailedTry(*this, error); }),
        answer_timer([this, &pipeline] { pipeline.OnAnswerDue(*this); }),
        bury_timer([this, &pipeline] { pipeline.Bury(*this); }) {}

  std::weak_ptr<Delivery> self;
  store::StoredEvent event;
  std::string dialog_id;
  std::string session_id;
  State state = State::kReopening;
  std::int64_t arrived_us = 0;
  PendingCall call;
  std::vector<store::Try> tries;  // that failed
  int attempts = 0;
  std::unique_ptr<Error> last_error;
  struct Waiting {
    std::int64_t due_ms;
    AnswerCallback answer;
  };
  std::vector<Waiting> answers;  // wait for the outcome
  retry::Timer answer_timer;
  retry::Timer bury_timer;
};

Pipeline::Pipeline(PipelineOptions options, store::Journal& journal, Exchange& exchange,
                   retry::TimerWheel& timers, const Clock& clock, Admission& admission,
                   PipelineCounters& counters, std::function<void(const Finished&)> on_finished)
    : options_(std::move(options)),
      journal_(journal),
      exchange_(exchange),
      timers_(timers),
      clock_(clock),
      admission_(admission),
      counters_(counters),
      on_finished_(std::move(on_finished)),
      unrecorded_timer_([this] {
        for (auto& [seq, event_id] : std::exchange(unrecorded_, {})) {
          // Under way again, by a replay: until the store has taken that, and forgotten the earlier end, this
          // record may still be wanted.
          if (deliveries_.contains(event_id)) {
            KeepUnrecorded(seq, std::move(event_id));
          } else {
            MarkDone(seq, std::move(event_id));
          }
        }
      }),
      self_(std::make_shared<Pipeline*>(this)),
      grace_timer_([this] { ParkAll(true); }) {}

Pipeline::~Pipeline() = default;

std::shared_ptr<Pipeline::Delivery> Pipeline::Begin(store::StoredEvent event, json::EventFields fields,
                                                    std::int64_t arrived_us, AnswerCallback answer) {
  auto delivery = std::make_shared<Delivery>(*this);
  delivery->self = delivery;
  delivery->event = std::move(event);
  delivery->dialog_id = std::move(fields.dialog_id);
  delivery->session_id = std::move(fields.session_id);
  delivery->arrived_us = arrived_us;
  // Counted from the arrival: what the disk took is part of it.
  if (answer) Await(*delivery, arrived_us / 1000, std::move(answer));
  deliveries_.emplace(delivery->event.event_id, delivery);
  return delivery;
}

void Pipeline::Accept(json::EventFields fields, std::string payload, std::int64_t arrived_us,
                      AnswerCallback answer) {
  if (stopping_ || counters_.pending.fetch_add(1, std::memory_order_relaxed) >= options_.max_pending) {
    if (!stopping_) counters_.pending.fetch_sub(1, std::memory_order_relaxed);
    admission_.Release(fields.event_id);
    return answer({AnswerKind::kRefused, stopping_ ? ClosedError()
                                                   : Error{.code = ErrorCode::kQueueFull,
                                                           .message = "too many events are under way"}});
  }
  const auto route = options_.routes.find(fields.intent);
  store::StoredEvent event{
      .event_id = fields.event_id,
      .intent = fields.intent,
      .step = kPublished,  // the queue is a table of the same file: written by the same transaction
      .received_at = clock_.WallMs() - (clock_.MonotonicUs() - arrived_us) / 1000,
      .queue = route != options_.routes.end() ? route->second : options_.default_queue,
      .idempotency_key = crypto::RandomUuid(),
      .payload = std::move(payload)};
  journal_.Append(std::move(event),
                  [this, alive = std::weak_ptr(self_), fields = std::move(fields), arrived_us,
                   answer = std::move(answer)](Result<store::StoredEvent> stored) mutable {
                    if (!alive.expired())
                      OnStored(std::move(fields), arrived_us, std::move(answer), std::move(stored));
                  });
}

void Pipeline::OnStored(json::EventFields fields, std::int64_t arrived_us, AnswerCallback answer,
                        Result<store::StoredEvent> stored) {
  const auto waiting = duplicates_.extract(fields.event_id);
  const auto tell_duplicates = [&waiting](const Answer& told) {
    if (waiting.empty()) return;
    for (const AnswerCallback& duplicate : waiting.mapped()) duplicate(told);
  };
  if (!stored) {
    const Answer refused{AnswerKind::kRefused, stored.error()};
    admission_.Release(fields.event_id);
    counters_.pending.fetch_sub(1, std::memory_order_relaxed);  // first: whoever is told may look
    tell_duplicates(refused);
    answer(refused);
    return CheckStopped();
  }
  counters_.accepted.fetch_add(1, std::memory_order_relaxed);
  const auto delivery = Begin(std::move(*stored), std::move(fields), arrived_us, std::move(answer));
  tell_duplicates(
      {AnswerKind::kDuplicate});  // by now those that wait for more than the commit find the delivery
  CallPlatform(*delivery);
}

void Pipeline::JoinDuplicate(const std::string& event_id, AnswerCallback answer) {
  if (deliveries_.contains(event_id)) return answer({AnswerKind::kDuplicate});
  if (stopping_) return answer({AnswerKind::kRefused, ClosedError()});
  const auto claim = admission_.Claim(event_id);
  if (claim.ok() && *claim == idempotency::Claim::kDone) return answer({AnswerKind::kDuplicate});
  if (claim.ok() && *claim == idempotency::Claim::kInFlight) {  // on its way to the disk: its commit decides
    duplicates_[event_id].push_back(std::move(answer));
    return;
  }
  // Its storing has failed since the claim was seen: the sender has to try again.
  if (claim.ok()) admission_.Release(event_id);
  answer({AnswerKind::kRefused,
          {.code = ErrorCode::kStoreUnavailable, .message = "the event could not be stored"}});
}

void Pipeline::Replay(std::string event_id, std::optional<FreshEvent> fresh, std::int64_t arrived_us,
                      AnswerCallback answer) {
  if (stopping_) return answer({AnswerKind::kRefused, ClosedError()});
  if (const auto found = deliveries_.find(event_id); found != deliveries_.end()) {
    return Await(*found->second, clock_.MonotonicMs(), std::move(answer));
  }
  journal_.Find(event_id,
                [this, event_id, alive = std::weak_ptr(self_), fresh = std::move(fresh), arrived_us,
                 answer = std::move(answer)](Result<std::optional<store::FoundEvent>> found) mutable {
                  // What began now would be ended by nobody.
                  if (alive.expired() || stopping_) return answer({AnswerKind::kRefused, ClosedError()});
                  if (!found) return answer({AnswerKind::kRefused, found.error()});
                  // Two replays of one id at once: the first has begun meanwhile, and the second waits for
                  // it.
                  if (deliveries_.contains(event_id))
                    return Replay(event_id, std::nullopt, arrived_us, std::move(answer));
                  if (found->has_value()) return Rerun(std::move(**found), arrived_us, std::move(answer));
                  if (!fresh) return answer({AnswerKind::kUnknown});
                  AcceptFresh(std::move(*fresh), arrived_us, std::move(answer));
                });
}

// None of that id was stored when we looked. The claim decides who stores it: two rows of one id would be two
// deliveries under two keys.
void Pipeline::AcceptFresh(FreshEvent fresh, std::int64_t arrived_us, AnswerCallback answer) {
  const std::string event_id = fresh.fields.event_id;
  const auto claim = admission_.Claim(event_id);
  if (!claim) return answer({AnswerKind::kRefused, claim.error()});
  if (*claim ==
      idempotency::Claim::kInFlight) {  // on its way to the disk: wait for its commit, then for its outcome
    duplicates_[event_id].push_back(
        [this, event_id, arrived_us, answer = std::move(answer)](const Answer& told) mutable {
          if (told.kind == AnswerKind::kRefused) return answer(told);
          Replay(event_id, std::nullopt, arrived_us, std::move(answer));
        });
    return;
  }
  if (*claim == idempotency::Claim::kDone && !fresh.looked_again) {  // stored and done since
    fresh.looked_again = true;
    return Replay(event_id, std::move(fresh), arrived_us, std::move(answer));
  }
  Accept(std::move(fresh.fields), std::move(fresh.payload), arrived_us, std::move(answer));
}

void Pipeline::Rerun(store::FoundEvent found, std::int64_t arrived_us, AnswerCallback answer) {
  auto fields = Admission::Read(AsBytes(found.event.payload));
  if (!fields) return answer({AnswerKind::kRefused, fields.error()});
  found.event.payload.clear();
  const bool republish = found.state == store::EventState::kDone;
  counters_.pending.fetch_add(1, std::memory_order_relaxed);
  const auto delivery = Begin(std::move(found.event), std::move(*fields), arrived_us, std::move(answer));
  journal_.Reopen(delivery->event.seq, republish, [this, weak = std::weak_ptr(delivery)](Status reopened) {
    const auto alive = weak.lock();
    if (!alive) return;
    if (reopened.ok()) {
      // A record of the earlier success that came later would be taken for this run's.
      std::erase_if(unrecorded_, [&](const auto& record) { return record.first == alive->event.seq; });
      return CallPlatform(*alive);
    }
    GiveAnswer(*alive, {AnswerKind::kRefused, reopened.error()});
    Remove(*alive);
  });
}

void Pipeline::Resume(std::vector<store::StoredEvent> events) {
  for (store::StoredEvent& event : events) {
    if (deliveries_.contains(event.event_id)) continue;
    auto fields = Admission::Read(AsBytes(event.payload));
    if (!fields) {
      // It was read before it was stored, so the row is damaged: it stays for a person to look at, and the
      // sender may send it anew.
      admission_.Release(event.event_id);
      continue;
    }
    event.payload.clear();
    counters_.pending.fetch_add(1, std::memory_order_relaxed);
    CallPlatform(*Begin(std::move(event), std::move(*fields), clock_.MonotonicUs(), nullptr));
  }
}

void Pipeline::CallPlatform(Delivery& delivery) {
  if (stopping_) return Park(delivery);
  delivery.state = Delivery::State::kCalling;
  const store::StoredEvent& event = delivery.event;
  exchange_.Start(delivery.call,
                  {.request = options_.request.Render({.event_id = event.event_id,
                                                       .intent = event.intent,
                                                       .dialog_id = delivery.dialog_id,
                                                       .session_id = delivery.session_id,
                                                       .queue = event.queue,
                                                       .processed_at_ms = event.published_at,
                                                       .latency_ms = event.published_at - event.received_at},
                                                      event.idempotency_key),
                   .retry = options_.retry,
                   .timeout_ms = options_.timeout_ms,
                   .repeatable = true});
}

void Pipeline::RecordFailedTry(Delivery& delivery, const Error& error) {
  const std::int64_t duration_ms = clock_.MonotonicMs() - delivery.call.try_started_ms();
  delivery.tries.push_back({.at = clock_.WallMs() - duration_ms,
                            .code = std::string(Describe(error.code).name),
                            .status = error.status,
                            .duration_ms = duration_ms});
}

void Pipeline::OnCallEnd(Delivery& delivery, Result<Reply> result) {
  delivery.attempts = result.ok() ? result->attempts : result.error().attempts;
  if (result.ok()) return Succeed(delivery);
  if (stopping_ && result.error().code == ErrorCode::kClosed) return Park(delivery);
  delivery.last_error = std::make_unique<Error>(std::move(result.error()));
  Bury(delivery);
}

void Pipeline::Succeed(Delivery& delivery) {
  admission_.Complete(delivery.event.event_id);
  counters_.processed.fetch_add(1, std::memory_order_relaxed);
  MarkDone(delivery.event.seq, delivery.event.event_id);
  GiveAnswer(delivery, {AnswerKind::kProcessed});
  End(delivery, true);
}

void Pipeline::MarkDone(std::int64_t seq, std::string event_id) {
  journal_.MarkDone(seq, [this, alive = std::weak_ptr(self_), seq,
                          event_id = std::move(event_id)](Status recorded) mutable {
    if (!recorded.ok() && !alive.expired()) KeepUnrecorded(seq, std::move(event_id));
  });
}

void Pipeline::KeepUnrecorded(std::int64_t seq, std::string event_id) {
  unrecorded_.emplace_back(seq, std::move(event_id));
  if (!unrecorded_timer_.scheduled())
    timers_.Schedule(unrecorded_timer_, clock_.MonotonicMs() + kStoreRetryMs);
}

// The event is on disk already, so a store that refuses its dead letter loses nothing: it is offered again,
// here or after a restart.
void Pipeline::Bury(Delivery& delivery) {
  delivery.state = Delivery::State::kBurying;
  const Error& error = *delivery.last_error;
  store::DeadLetter letter{.seq = delivery.event.seq,
                           .event_id = delivery.event.event_id,
                           .step = "request",
                           .code = std::string(Describe(error.code).name),
                           .status = error.status,
                           .error = error.message,
                           .tries = delivery.tries,
                           .failed_at = clock_.WallMs()};
  journal_.Bury(std::move(letter), [this, weak = delivery.self](Status buried) {
    const auto alive = weak.lock();
    if (!alive) return;
    if (!buried.ok()) {
      timers_.Schedule(alive->bury_timer, clock_.MonotonicMs() + kStoreRetryMs);
      return;
    }
    Fail(*alive);
  });
}

void Pipeline::Fail(Delivery& delivery) {
  admission_.Complete(delivery.event.event_id);  // a re-post of it is a duplicate: it is in safe keeping
  counters_.dead.fetch_add(1, std::memory_order_relaxed);
  GiveAnswer(delivery, {AnswerKind::kDead, *delivery.last_error});
  End(delivery, false);
}

void Pipeline::End(Delivery& delivery, bool success) {
  const double duration_ms = static_cast<double>(clock_.MonotonicUs() - delivery.arrived_us) / 1000;
  const auto removed = Remove(delivery);
  on_finished_({.event_id = std::move(removed->event.event_id),
                .success = success,
                .duration_ms = duration_ms,
                .attempts = removed->attempts,
                .error = success ? Error{} : std::move(*removed->last_error),
                .pending = counters_.pending.load(std::memory_order_relaxed)});
}

void Pipeline::Await(Delivery& delivery, std::int64_t since_ms, AnswerCallback answer) {
  const std::int64_t due_ms = since_ms + options_.respond_within_ms;
  delivery.answers.push_back({due_ms, std::move(answer)});
  // Whoever joins later has a time of its own, and does not put off that of the others.
  const retry::Timer& timer = delivery.answer_timer;
  if (!timer.scheduled() || due_ms < timer.due_ms()) timers_.Schedule(delivery.answer_timer, due_ms);
}

void Pipeline::OnAnswerDue(Delivery& delivery) {
  const std::int64_t now_ms = clock_.MonotonicMs();
  std::vector<AnswerCallback> due;
  std::optional<std::int64_t> next_ms;
  for (Delivery::Waiting& waiting : std::exchange(delivery.answers, {})) {
    if (waiting.due_ms <= now_ms) {
      due.push_back(std::move(waiting.answer));
    } else {
      next_ms = std::min(next_ms.value_or(waiting.due_ms), waiting.due_ms);
      delivery.answers.push_back(std::move(waiting));
    }
  }
  if (next_ms) timers_.Schedule(delivery.answer_timer, *next_ms);
  for (const AnswerCallback& answer : due) answer({AnswerKind::kAccepted});
}

void Pipeline::GiveAnswer(Delivery& delivery, const Answer& answer) {
  timers_.Cancel(delivery.answer_timer);
  for (const Delivery::Waiting& waiting : std::exchange(delivery.answers, {})) waiting.answer(answer);
}

std::shared_ptr<Pipeline::Delivery> Pipeline::Remove(Delivery& delivery) {
  counters_.pending.fetch_sub(1, std::memory_order_relaxed);
  auto removed = std::move(deliveries_.extract(delivery.event.event_id).mapped());
  CheckStopped();
  return removed;
}

void Pipeline::Stop(std::int64_t grace_ms, std::function<void()> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  exchange_.SendNoMore();
  ParkAll(false);
  timers_.Schedule(grace_timer_, clock_.MonotonicMs() + grace_ms);
  CheckStopped();
}

// It is on disk: the next start goes on with it.
void Pipeline::Park(Delivery& delivery) {
  GiveAnswer(delivery, {AnswerKind::kAccepted});
  Remove(delivery);
}

void Pipeline::ParkAll(bool sending_too) {
  std::vector<std::shared_ptr<Delivery>> parked;
  for (const auto& [id, delivery] : deliveries_) {
    const bool waits = delivery->state == Delivery::State::kCalling && !delivery->call.sending();
    if (waits || (sending_too && delivery->state != Delivery::State::kReopening)) parked.push_back(delivery);
  }
  for (const auto& delivery : parked) Park(*delivery);
}

void Pipeline::CheckStopped() {
  if (!stopped_ || counters_.pending.load(std::memory_order_relaxed) > 0) return;
  timers_.Cancel(grace_timer_);
  std::exchange(stopped_, nullptr)();
}

}  // namespace trunkline::delivery
