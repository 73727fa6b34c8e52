// The steps of a delivery, and what ends them. How events get in and out: pipeline.cc.
#include <algorithm>

#include "delivery/pipeline.h"
#include "delivery/pipeline_delivery.h"

namespace trunkline::delivery {

// It is on disk. Its time runs, and it takes its place behind others of its key.
void Pipeline::Enter(Delivery& delivery) {
  if (stopping_) return Park(delivery);
  if (delivery.step != store::Step::kPublish) delivery.event.payload = {};
  if (options_.deadline_ms > 0) {
    const std::int64_t passed_ms = std::max<std::int64_t>(0, clock_.WallMs() - delivery.since_ms());
    if (passed_ms >= options_.deadline_ms) return Bury(delivery, DeadlineError());
    timers_.Schedule(delivery.deadline_timer, clock_.MonotonicMs() + options_.deadline_ms - passed_ms);
  }
  if (options_.order_by != OrderBy::kNone && !lines_.Join(delivery, delivery.KeyBy(options_.order_by))) {
    delivery.state = Delivery::State::kInLine;
    return;
  }
  Work(delivery);
}

// It has the turn among those of its key: the first step that is not done.
void Pipeline::Work(Delivery& delivery) {
  if (stopping_) return Park(delivery);
  const bool out_of_time = options_.deadline_ms > 0 && !delivery.deadline_timer.scheduled();
  if (out_of_time) return Bury(delivery, DeadlineError());
  if (delivery.step == store::Step::kPublish) return Publish(delivery);
  Request(delivery);
}

void Pipeline::Publish(Delivery& delivery) {
  if (!publish_step_) {
    return Bury(delivery, {.code = ErrorCode::kConfigInvalid,
                           .message = "the event is for the queue " + delivery.event.queue +
                                      " elsewhere, and this service has embedded queues only"});
  }
  delivery.state = Delivery::State::kPublishing;
  delivery.publish = std::make_unique<PendingPublish>(
      delivery.event, [this, &delivery](Status result) { OnPublishEnd(delivery, std::move(result)); },
      [this, &delivery](const Error& error) {
        OnFailedTry(delivery, error, delivery.publish->try_started_ms());
      });
  publish_step_->Start(*delivery.publish);
}

void Pipeline::OnPublishEnd(Delivery& delivery, Status result) {
  delivery.attempts = delivery.publish->attempts();
  if (!result.ok()) return FailStep(delivery, std::move(result.error()));
  CountTry(delivery.attempts);
  if (!options_.request) return Succeed(delivery);
  // The request tells it. One that is published once more keeps its time, so that the request stays the same.
  if (delivery.event.published_at == 0) delivery.event.published_at = clock_.WallMs();
  RecordPublished(delivery);
}

// Until this is on disk the request does not begin: a restart would publish the event once more at another
// time, and send a request of other bytes under the same key.
void Pipeline::RecordPublished(Delivery& delivery) {
  delivery.state = Delivery::State::kRecording;
  journal_.MarkPublished(delivery.event.seq, delivery.event.published_at,
                         [this, weak = delivery.self](Status recorded) {
                           const auto alive = weak.lock();
                           if (!alive) return;
                           if (!recorded.ok()) {
                             timers_.Schedule(alive->record_timer, clock_.MonotonicMs() + kStoreRetryMs);
                             return;
                           }
                           alive->publish.reset();
                           alive->event.payload = {};
                           alive->tries.clear();
                           alive->step = store::Step::kRequest;
                           Work(*alive);
                         });
}

void Pipeline::Request(Delivery& delivery) {
  delivery.state = Delivery::State::kRequesting;
  const store::StoredEvent& event = delivery.event;
  exchange_->Start(delivery.call,
                   {.request = options_.request->Render(
                        {.event_id = event.event_id,
                         .intent = event.intent,
                         .dialog_id = delivery.dialog_id,
                         .session_id = delivery.session_id,
                         .queue = event.queue,
                         .processed_at_ms = event.published_at,
                         .latency_ms = std::max<std::int64_t>(0, event.published_at - event.received_at)},
                        event.idempotency_key),
                    .retry = options_.retry,
                    .timeout_ms = options_.timeout_ms,
                    .repeatable = true,
                    .waits_for_breaker = true});
}

void Pipeline::OnCallEnd(Delivery& delivery, Result<Reply> result) {
  delivery.attempts = result.ok() ? result->attempts : result.error().attempts;
  if (!result.ok()) return FailStep(delivery, std::move(result.error()));
  CountTry(delivery.attempts);
  Succeed(delivery);
}

void Pipeline::OnFailedTry(Delivery& delivery, const Error& error, std::int64_t started_ms) {
  CountTry(error.attempts);
  const std::int64_t duration_ms = clock_.MonotonicMs() - started_ms;
  delivery.tries.push_back({.at = clock_.WallMs() - duration_ms,
                            .code = std::string(Describe(error.code).name),
                            .status = error.status,
                            .duration_ms = duration_ms});
}

void Pipeline::CountTry(int attempt) {
  if (attempt > 1) counters_.retried.fetch_add(1, std::memory_order_relaxed);
}

void Pipeline::FailStep(Delivery& delivery, Error error) {
  if (stopping_ && error.code == ErrorCode::kClosed) return Park(delivery);
  Bury(delivery, std::move(error));
}

void Pipeline::OnDeadline(Delivery& delivery) {
  switch (delivery.state) {
    case Delivery::State::kInLine:
      return Bury(delivery, DeadlineError());
    case Delivery::State::kPublishing:
      return publish_step_->TimeOut(*delivery.publish, DeadlineError().message);
    case Delivery::State::kRequesting:
      return exchange_->TimeOut(delivery.call, DeadlineError().message);
    default:
      return;  // the store has it, and Work looks again
  }
}

Error Pipeline::DeadlineError() const {
  return {.code = ErrorCode::kTimeout,
          .message = "the delivery's deadline of " + std::to_string(options_.deadline_ms) + " ms passed"};
}

// To whoever reads it, a function that makes the call is the request.
store::Step Pipeline::ToldStep(const Delivery& delivery) const {
  return options_.request ? delivery.step : store::Step::kRequest;
}

void Pipeline::Bury(Delivery& delivery, Error error) {
  // Before its turn can come.
  if (delivery.state == Delivery::State::kInLine) lines_.Leave(delivery);
  delivery.state = Delivery::State::kBurying;
  timers_.Cancel(delivery.deadline_timer);
  delivery.last_error = std::make_unique<Error>(std::move(error));
  RecordDeadLetter(delivery);
}

// The event is on disk already, so a store that refuses its dead letter loses nothing: it is offered again,
// here or after a restart.
void Pipeline::RecordDeadLetter(Delivery& delivery) {
  const Error& error = *delivery.last_error;
  const std::vector<store::Try>& tries = delivery.tries;
  store::DeadLetter letter{.seq = delivery.event.seq,
                           .event_id = delivery.event.event_id,
                           .intent = delivery.event.intent,
                           .step = ToldStep(delivery),
                           .code = std::string(Describe(error.code).name),
                           .status = error.status != 0 || tries.empty() ? error.status : tries.back().status,
                           .error = error.message,
                           .tries = tries,
                           .failed_at = clock_.WallMs()};
  journal_.Bury(std::move(letter), [this, weak = delivery.self](Status buried) {
    const auto alive = weak.lock();
    if (!alive) return;
    if (!buried.ok()) {
      timers_.Schedule(alive->record_timer, clock_.MonotonicMs() + kStoreRetryMs);
      return;
    }
    admission_.ring().Complete(
        alive->event.event_id);  // a re-post of it is a duplicate: it is in safe keeping
    counters_.dead.fetch_add(1, std::memory_order_relaxed);
    alive->answers.Give({AnswerKind::kDead, *alive->last_error});
    End(*alive, false);
  });
}

}  // namespace trunkline::delivery
