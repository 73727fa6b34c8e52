#include "delivery/pipeline.h"

#include <algorithm>

#include "crypto/random.h"
#include "retry/retry_after.h"

namespace trunkline::delivery {
namespace {

constexpr std::int64_t kStoreRetryMs =
    1000;                      // how soon a record that the store refused is offered to it again
constexpr int kPublished = 1;  // value of `step` once the event lies in its queue

Error ClosedError() { return {.code = ErrorCode::kClosed, .message = "the service is shutting down"}; }

}  // namespace

struct Pipeline::Delivery {
  enum class State : std::uint8_t { kReopening, kReady, kInFlight, kWaiting, kBurying };

  Delivery(Pipeline& pipeline)
      : answer_timer([this, &pipeline] { pipeline.OnAnswerDue(*this); }), wait_timer([this, &pipeline] {
          if (state == State::kBurying) return pipeline.Bury(*this);
          pipeline.Ready(*this);
        }) {}

  std::weak_ptr<Delivery> self;
  store::StoredEvent event;
  json::EventFields fields;
  State state = State::kReopening;
  std::int64_t arrived_us = 0;
  std::int64_t first_try_ms = 0;
  std::int64_t try_started_ms = 0;
  std::vector<store::Try> tries;
  int attempts = 0;
  Error last_error;
  struct Waiting {
    std::int64_t due_ms;
    AnswerCallback answer;
  };
  std::vector<Waiting> answers;  // wait for the outcome
  retry::Timer answer_timer;
  retry::Timer wait_timer;
};

Pipeline::Pipeline(PipelineOptions options, store::Journal& journal, net::Transport& transport,
                   retry::TimerWheel& timers, const Clock& clock, Admission& admission,
                   PipelineCounters& counters, std::function<void(const Finished&)> on_finished)
    : options_(std::move(options)),
      journal_(journal),
      transport_(transport),
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
            MarkDone(seq, event_id);
          }
        }
      }),
      self_(std::make_shared<Pipeline*>(this)),
      grace_timer_([this] { Park(true); }) {}

Pipeline::~Pipeline() = default;

std::shared_ptr<Pipeline::Delivery> Pipeline::Begin(store::StoredEvent event, json::EventFields fields,
                                                    std::int64_t arrived_us, AnswerCallback answer) {
  auto delivery = std::make_shared<Delivery>(*this);
  delivery->self = delivery;
  delivery->event = std::move(event);
  delivery->fields = std::move(fields);
  delivery->arrived_us = arrived_us;
  // Counted from the arrival: what the disk took is part of it.
  if (answer) Await(*delivery, arrived_us / 1000, std::move(answer));
  deliveries_[delivery->event.event_id] = delivery;
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
  Ready(*delivery);
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
  const std::string queue = republish ? found.event.queue : std::string();
  counters_.pending.fetch_add(1, std::memory_order_relaxed);
  const auto delivery = Begin(std::move(found.event), std::move(*fields), arrived_us, std::move(answer));
  journal_.Reopen(delivery->event.seq, queue, [this, weak = std::weak_ptr(delivery)](Status reopened) {
    const auto alive = weak.lock();
    if (!alive) return;
    if (reopened.ok()) {
      // A record of the earlier success that came later would be taken for this run's.
      std::erase_if(unrecorded_, [&](const auto& record) { return record.first == alive->event.seq; });
      return Ready(*alive);
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
    Ready(*Begin(std::move(event), std::move(*fields), clock_.MonotonicUs(), nullptr));
  }
}

void Pipeline::Ready(Delivery& delivery) {
  delivery.state = Delivery::State::kReady;
  ready_.push_back(delivery.self);
  Launch();
}

void Pipeline::Launch() {
  if (stopping_) return Park(false);
  while (in_flight_ < options_.max_in_flight && !ready_.empty()) {
    const auto delivery = ready_.front().lock();
    ready_.pop_front();
    if (delivery) SendRequest(*delivery);
  }
}

void Pipeline::SendRequest(Delivery& delivery) {
  delivery.state = Delivery::State::kInFlight;
  ++in_flight_;
  delivery.try_started_ms = clock_.MonotonicMs();
  if (delivery.attempts == 0) delivery.first_try_ms = delivery.try_started_ms;
  if (++delivery.attempts > 1) counters_.retried.fetch_add(1, std::memory_order_relaxed);
  const store::StoredEvent& event = delivery.event;
  const net::Request request = options_.request.Render({.event_id = event.event_id,
                                                        .intent = event.intent,
                                                        .dialog_id = delivery.fields.dialog_id,
                                                        .session_id = delivery.fields.session_id,
                                                        .queue = event.queue,
                                                        .processed_at_ms = event.published_at,
                                                        .latency_ms = event.published_at - event.received_at},
                                                       event.idempotency_key);
  auto wire = net::Serialize(options_.base, request);
  const auto judge = [this, weak = delivery.self](Result<net::Response> result) {
    if (const auto alive = weak.lock()) Judge(*alive, std::move(result));
  };
  if (!wire) return judge(wire.error());
  transport_.Send(std::move(*wire), request.method == "HEAD", options_.timeout_ms, judge);
}

void Pipeline::Judge(Delivery& delivery, Result<net::Response> result) {
  --in_flight_;
  Error error;
  if (result.ok()) {
    if (result->status >= 200 && result->status < 300) {
      Succeed(delivery);
      return Launch();
    }
    error.code = CodeForStatus(result->status);
    error.status = result->status;
    error.message = options_.platform + " answered " + std::to_string(result->status);
    if (const auto wait = retry::ParseRetryAfter(result->Header("retry-after"), clock_.WallMs()))
      error.retry_after_ms = *wait;
  } else {
    error = std::move(result.error());
  }
  error.attempts = delivery.attempts;
  const std::int64_t now_ms = clock_.MonotonicMs();
  delivery.tries.push_back({.at = clock_.WallMs() - (now_ms - delivery.try_started_ms),
                            .code = std::string(Describe(error.code).name),
                            .status = error.status,
                            .duration_ms = now_ms - delivery.try_started_ms});
  const auto wait = retry::NextDelayMs(options_.retry, error, delivery.attempts,
                                       now_ms - delivery.first_try_ms, crypto::RandomUnit());
  delivery.last_error = std::move(error);
  if (!wait) {
    Bury(delivery);
  } else {
    delivery.state = Delivery::State::kWaiting;
    timers_.Schedule(delivery.wait_timer, now_ms + *wait);
  }
  Launch();
}

void Pipeline::Succeed(Delivery& delivery) {
  admission_.Complete(delivery.event.event_id);
  counters_.processed.fetch_add(1, std::memory_order_relaxed);
  MarkDone(delivery.event.seq, delivery.event.event_id);
  GiveAnswer(delivery, {AnswerKind::kProcessed});
  End(delivery, true);
}

void Pipeline::MarkDone(std::int64_t seq, const std::string& event_id) {
  journal_.MarkDone(seq, [this, alive = std::weak_ptr(self_), seq, event_id](Status recorded) {
    if (!recorded.ok() && !alive.expired()) KeepUnrecorded(seq, event_id);
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
  const Error& error = delivery.last_error;
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
      timers_.Schedule(alive->wait_timer, clock_.MonotonicMs() + kStoreRetryMs);
      return;
    }
    Fail(*alive);
  });
}

void Pipeline::Fail(Delivery& delivery) {
  admission_.Complete(delivery.event.event_id);  // a re-post of it is a duplicate: it is in safe keeping
  counters_.dead.fetch_add(1, std::memory_order_relaxed);
  GiveAnswer(delivery, {AnswerKind::kDead, delivery.last_error});
  End(delivery, false);
}

void Pipeline::End(Delivery& delivery, bool success) {
  Finished finished{.event_id = delivery.event.event_id,
                    .success = success,
                    .duration_ms = static_cast<double>(clock_.MonotonicUs() - delivery.arrived_us) / 1000,
                    .attempts = delivery.attempts,
                    .error = success ? Error{} : std::move(delivery.last_error)};
  Remove(delivery);
  finished.pending = counters_.pending.load(std::memory_order_relaxed);
  on_finished_(finished);
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

void Pipeline::Remove(Delivery& delivery) {
  counters_.pending.fetch_sub(1, std::memory_order_relaxed);
  deliveries_.erase(
      std::string(delivery.event.event_id));  // a copy: the key must not be the erased object's own
  CheckStopped();
}

void Pipeline::Stop(std::int64_t grace_ms, std::function<void()> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  ready_.clear();
  Park(false);
  timers_.Schedule(grace_timer_, clock_.MonotonicMs() + grace_ms);
  CheckStopped();
}

void Pipeline::Park(bool in_flight_too) {
  std::vector<std::shared_ptr<Delivery>> parked;
  for (const auto& [id, delivery] : deliveries_) {
    const bool idle =
        delivery->state == Delivery::State::kReady || delivery->state == Delivery::State::kWaiting;
    if (idle || (in_flight_too && delivery->state != Delivery::State::kReopening)) parked.push_back(delivery);
  }
  for (const auto& delivery : parked) {
    GiveAnswer(*delivery, {AnswerKind::kAccepted});
    Remove(*delivery);
  }
}

void Pipeline::CheckStopped() {
  if (!stopped_ || counters_.pending.load(std::memory_order_relaxed) > 0) return;
  timers_.Cancel(grace_timer_);
  std::exchange(stopped_, nullptr)();
}

}  // namespace trunkline::delivery
