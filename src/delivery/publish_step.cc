#include "delivery/publish_step.h"

#include <utility>

#include "crypto/random.h"

namespace trunkline::delivery {

PendingPublish::PendingPublish(const store::StoredEvent& event, OnEnd on_end, OnFailedTry on_failed_try)
    : event_(event),
      on_end_(std::move(on_end)),
      on_failed_try_(std::move(on_failed_try)),
      timer_([this] { step_->OnTimer(*this); }) {}

PendingPublish::~PendingPublish() {
  if (step_ != nullptr) step_->Forget(*this);
}

PublishStep::PublishStep(PublishOptions options, Publisher& publisher, retry::TimerWheel& timers,
                         const Clock& clock)
    : options_(std::move(options)),
      publisher_(publisher),
      timers_(timers),
      clock_(clock),
      turn_timer_([this] { ServeTurns(); }) {}

void PublishStep::Start(PendingPublish& pending) {
  pending.step_ = this;
  pending.attempts_ = 0;
  pending.started_ms_ = clock_.MonotonicMs();
  WaitForTurn(pending);
}

void PublishStep::WaitForTurn(PendingPublish& pending) {
  turn_line_.push_back(pending);
  ServeTurns();
}

void PublishStep::ServeTurns() {
  while (sends_ && in_flight_ < options_.max_in_flight && !turn_line_.empty()) {
    PendingPublish& first = turn_line_.front();
    turn_line_.pop_front();
    Send(first);
  }
}

void PublishStep::Send(PendingPublish& pending) {
  ++in_flight_;
  ++pending.attempts_;
  pending.try_started_ms_ = clock_.MonotonicMs();
  timers_.Schedule(pending.timer_, pending.try_started_ms_ + options_.timeout_ms);
  const store::StoredEvent& event = pending.event_;
  pending.ticket_ = publisher_.Publish({.queue = event.queue,
                                        .event_id = event.event_id,
                                        .intent = event.intent,
                                        .idempotency_key = event.idempotency_key,
                                        .payload = event.payload},
                                       [this, &pending](Status result) {
                                         pending.ticket_.reset();
                                         --in_flight_;
                                         if (result.ok()) {
                                           End(pending, Ok());
                                         } else {
                                           FailTry(pending, std::move(result.error()));
                                         }
                                         ServeTurns();
                                       });
}

void PublishStep::OnTimer(PendingPublish& pending) {
  if (!pending.sending()) return WaitForTurn(pending);
  TakeBack(pending);
  FailTry(pending, {.code = ErrorCode::kTimeout,
                    .message = "the queue " + pending.event_.queue + " did not take the event within " +
                               std::to_string(options_.timeout_ms) + " ms"});
  ServeTurns();
}

void PublishStep::FailTry(PendingPublish& pending, Error error) {
  error.attempts = pending.attempts_;
  pending.on_failed_try_(error);
  const std::int64_t now_ms = clock_.MonotonicMs();
  const auto wait = retry::NextDelayMs(options_.retry, error, pending.attempts_, now_ms - pending.started_ms_,
                                       crypto::RandomUnit());
  if (!wait) return End(pending, std::move(error));
  if (!sends_) {
    return End(pending, Error{.code = ErrorCode::kClosed,
                              .message = "closed before the next try",
                              .attempts = pending.attempts_});
  }
  timers_.Schedule(pending.timer_, now_ms + *wait);
}

void PublishStep::TimeOut(PendingPublish& pending, std::string message) {
  if (pending.step_ != this) return;
  const Error error{
      .code = ErrorCode::kTimeout, .message = std::move(message), .attempts = pending.attempts_};
  if (pending.sending()) pending.on_failed_try_(error);
  End(pending, error);
}

void PublishStep::TakeBack(PendingPublish& pending) {
  publisher_.GiveUp(*std::exchange(pending.ticket_, std::nullopt));
  --in_flight_;
}

// Out of whatever it waits for.
void PublishStep::Forget(PendingPublish& pending) {
  if (pending.is_linked()) pending.unlink();
  timers_.Cancel(pending.timer_);
  pending.step_ = nullptr;
  if (!pending.sending()) return;
  TakeBack(pending);
  // Not at once: this may be the middle of somebody's loop over events.
  if (!turn_line_.empty()) timers_.Schedule(turn_timer_, clock_.MonotonicMs());
}

void PublishStep::End(PendingPublish& pending, Status result) {
  Forget(pending);
  const PendingPublish::OnEnd on_end = pending.on_end_;  // a copy: it may destroy it
  on_end(std::move(result));
}

}  // namespace trunkline::delivery
