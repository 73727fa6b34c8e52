// How events get into the pipeline and out of it. What happens in between: pipeline_steps.cc.
#include "delivery/pipeline.h"

#include <algorithm>

#include "crypto/random.h"
#include "delivery/pipeline_delivery.h"

namespace trunkline::delivery {
namespace {

Error ClosedError() { return {.code = ErrorCode::kClosed, .message = "the service is shutting down"}; }
Error NotStoredError() {
  return {.code = ErrorCode::kStoreUnavailable, .message = "the event could not be stored"};
}
Error FullError() { return {.code = ErrorCode::kQueueFull, .message = "too many events are under way"}; }

constexpr std::int64_t kElsewhereMs =
    10;  // how often it is looked whether another process has stored an event

}  // namespace

Pipeline::Pipeline(PipelineOptions options, store::Journal& journal, Publisher* publisher, Exchange* exchange,
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
      publish_step_(publisher == nullptr
                        ? nullptr
                        : std::make_unique<PublishStep>(options_.publish, *publisher, timers, clock)),
      oldest_(counters.oldest_since_ms),
      unrecorded_timer_([this] {
        for (auto& [seq, event_id] : std::exchange(unrecorded_, {})) {
          // Under way again, by a replay that the store has not taken yet: then this record is still wanted.
          if (deliveries_.contains(event_id)) {
            KeepUnrecorded(seq, std::move(event_id));
          } else {
            MarkDone(seq, std::move(event_id));
          }
        }
      }),
      elsewhere_timer_([this] { LookElsewhere(); }),
      self_(std::make_shared<Pipeline*>(this)),
      grace_timer_([this] { ParkAll(true); }) {}

Pipeline::~Pipeline() = default;

bool Pipeline::TakePlace() {
  if (counters_.pending.fetch_add(1, std::memory_order_relaxed) < options_.max_pending) return true;
  counters_.pending.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void Pipeline::Accept(json::EventFields fields, std::string payload, std::int64_t arrived_us,
                      AnswerCallback answer) {
  if (stopping_ || !TakePlace()) {
    admission_.ring().Release(fields.event_id);
    return answer({AnswerKind::kRefused, stopping_ ? ClosedError() : FullError()});
  }
  const auto route = options_.routes.find(fields.intent);
  const bool embedded = publish_step_ == nullptr;
  std::string to_publish = embedded ? std::string() : payload;
  store::StoredEvent event{.event_id = fields.event_id,
                           .intent = fields.intent,
                           .received_at = clock_.WallMs() - (clock_.MonotonicUs() - arrived_us) / 1000,
                           .queue = route != options_.routes.end() ? route->second : options_.default_queue,
                           .embedded = embedded,
                           .idempotency_key = crypto::RandomUuid(),
                           .payload = std::move(payload)};
  journal_.Append(std::move(event), [this, alive = std::weak_ptr(self_), fields = std::move(fields),
                                     to_publish = std::move(to_publish), arrived_us,
                                     answer = std::move(answer)](Result<store::StoredEvent> stored) mutable {
    if (alive.expired()) return;
    if (stored.ok()) stored->payload = std::move(to_publish);
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
    admission_.ring().Release(fields.event_id);
    counters_.pending.fetch_sub(1, std::memory_order_relaxed);  // first: whoever is told may look
    tell_duplicates(refused);
    answer(refused);
    return CheckStopped();
  }
  // The ring forgets an id at the end of its lifetime, also when its event is still under way by then: since
  // the platform is down for so long, or the clock has jumped. Here, on the engine's thread, it is found.
  if (deliveries_.contains(fields.event_id)) {
    admission_.ring().MarkStored(fields.event_id);
    MarkDone(stored->seq, fields.event_id);
    counters_.pending.fetch_sub(1, std::memory_order_relaxed);
    tell_duplicates({AnswerKind::kDuplicate});
    answer({AnswerKind::kDuplicate});
    return CheckStopped();
  }
  counters_.accepted.fetch_add(1, std::memory_order_relaxed);
  admission_.ring().MarkStored(fields.event_id);
  const std::int64_t since_ms = clock_.WallMs() - (clock_.MonotonicUs() - arrived_us) / 1000;
  const auto delivery = Begin(std::move(*stored), std::move(fields), since_ms, arrived_us, std::move(answer));
  tell_duplicates(
      {AnswerKind::kDuplicate});  // by now those that wait for more than the commit find the delivery
  Enter(*delivery);
}

void Pipeline::JoinDuplicate(const std::string& event_id, AnswerCallback answer) {
  if (deliveries_.contains(event_id)) return answer({AnswerKind::kDuplicate});
  if (stopping_) return answer({AnswerKind::kRefused, ClosedError()});
  const auto known = admission_.ring().Look(event_id);
  if (known && (known->done || known->stored)) return answer({AnswerKind::kDuplicate});
  if (known && known->owner == admission_.ring().owner()) {  // on its way to the disk: its commit decides
    duplicates_[event_id].push_back(std::move(answer));
    return;
  }
  // Its storing has failed since the claim was seen: the sender has to try again.
  if (!known) return answer({AnswerKind::kRefused, NotStoredError()});
  // Another process is storing it. A commit takes milliseconds; when the process is killed meanwhile, whoever
  // takes over from it gives the id free.
  elsewhere_.push_back({event_id, clock_.MonotonicMs() + options_.respond_within_ms, std::move(answer)});
  if (!elsewhere_timer_.scheduled()) timers_.Schedule(elsewhere_timer_, clock_.MonotonicMs() + kElsewhereMs);
}

void Pipeline::LookElsewhere() {
  for (Elsewhere& one : std::exchange(elsewhere_, {})) {
    const bool over = clock_.MonotonicMs() >= one.until_ms;
    const auto known = admission_.ring().Look(one.event_id);
    if (over && known && !known->done && !known->stored) {
      one.answer({AnswerKind::kRefused, NotStoredError()});
    } else {
      JoinDuplicate(one.event_id, std::move(one.answer));
    }
  }
}

void Pipeline::Replay(std::string event_id, std::optional<FreshEvent> fresh, std::int64_t arrived_us,
                      AnswerCallback answer) {
  if (stopping_) return answer({AnswerKind::kRefused, ClosedError()});
  if (const auto found = deliveries_.find(event_id); found != deliveries_.end()) {
    return found->second->answers.Add(std::move(answer), clock_.MonotonicMs() + options_.respond_within_ms);
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
  const auto claim = admission_.ring().TryClaim(event_id);
  if (!claim) return answer({AnswerKind::kRefused, claim.error()});
  if (*claim == idempotency::Claim::kInFlight) {  // wait for its commit, then for its outcome
    return JoinDuplicate(
        event_id, [this, event_id, arrived_us, answer = std::move(answer)](const Answer& told) mutable {
          if (told.kind == AnswerKind::kRefused) return answer(told);
          Replay(event_id, std::nullopt, arrived_us, std::move(answer));
        });
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
  if (!TakePlace()) return answer({AnswerKind::kRefused, FullError()});
  const std::int64_t seq = found.event.seq;
  const auto delivery =
      Begin(std::move(found.event), std::move(*fields), clock_.WallMs(), arrived_us, std::move(answer));
  // Done, but that is not written down yet: it has to be, before it can be taken back.
  const auto unrecorded = std::find_if(unrecorded_.begin(), unrecorded_.end(),
                                       [seq](const auto& record) { return record.first == seq; });
  const bool from_start = found.state == store::EventState::kDone || unrecorded != unrecorded_.end();
  if (unrecorded != unrecorded_.end()) {
    std::string event_id = std::move(unrecorded->second);
    unrecorded_.erase(unrecorded);
    MarkDone(seq, std::move(event_id));
  }
  if (from_start && !delivery->event.embedded) delivery->step = store::Step::kPublish;
  journal_.Reopen(seq, from_start, [this, weak = std::weak_ptr(delivery)](Result<bool> reopened) {
    const auto alive = weak.lock();
    if (!alive) return;
    if (reopened.ok() && *reopened) return Enter(*alive);
    alive->answers.Give(reopened.ok() ? Answer{AnswerKind::kAccepted}
                                      : Answer{AnswerKind::kRefused, reopened.error()});
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
      admission_.ring().Release(event.event_id);
      continue;
    }
    counters_.pending.fetch_add(1, std::memory_order_relaxed);  // however many: they are on disk
    const std::int64_t received_at = event.received_at;
    Enter(*Begin(std::move(event), std::move(*fields), received_at, clock_.MonotonicUs(), nullptr));
  }
}

std::shared_ptr<Pipeline::Delivery> Pipeline::Begin(store::StoredEvent event, json::EventFields fields,
                                                    std::int64_t since_ms, std::int64_t arrived_us,
                                                    AnswerCallback answer) {
  auto delivery = std::make_shared<Delivery>(*this);
  delivery->self = delivery;
  delivery->event = std::move(event);
  delivery->dialog_id = std::move(fields.dialog_id);
  delivery->session_id = std::move(fields.session_id);
  delivery->arrived_us = arrived_us;
  if (!delivery->event.embedded && delivery->event.published_at == 0) delivery->step = store::Step::kPublish;
  // Counted from the arrival: what the disk took is part of it.
  if (answer) delivery->answers.Add(std::move(answer), arrived_us / 1000 + options_.respond_within_ms);
  deliveries_.emplace(delivery->event.event_id, delivery);
  oldest_.Add(*delivery, since_ms);
  return delivery;
}

void Pipeline::Succeed(Delivery& delivery) {
  admission_.ring().Complete(delivery.event.event_id);
  counters_.processed.fetch_add(1, std::memory_order_relaxed);
  MarkDone(delivery.event.seq, delivery.event.event_id);
  delivery.answers.Give({AnswerKind::kProcessed});
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

std::shared_ptr<Pipeline::Delivery> Pipeline::Remove(Delivery& delivery) {
  counters_.pending.fetch_sub(1, std::memory_order_relaxed);
  auto removed = std::move(deliveries_.extract(delivery.event.event_id).mapped());
  oldest_.Remove(delivery);
  LineMember* next = lines_.Leave(delivery);
  // At the end nobody has a turn any more: those in line are parked, each by itself.
  if (next != nullptr && !stopping_) Work(static_cast<Delivery&>(*next));
  CheckStopped();
  return removed;
}

void Pipeline::Stop(std::int64_t grace_ms, std::function<void()> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  for (const Elsewhere& one : std::exchange(elsewhere_, {}))
    one.answer({AnswerKind::kRefused, ClosedError()});
  if (exchange_ != nullptr) exchange_->SendNoMore();
  if (publish_step_) publish_step_->SendNoMore();
  ParkAll(false);
  timers_.Schedule(grace_timer_, clock_.MonotonicMs() + grace_ms);
  CheckStopped();
}

// It is on disk: the next start goes on with it.
void Pipeline::Park(Delivery& delivery) {
  left_work_ = true;
  delivery.answers.Give({AnswerKind::kAccepted});
  Remove(delivery);
}

void Pipeline::ParkAll(bool sending_too) {
  std::vector<std::shared_ptr<Delivery>> parked;
  for (const auto& [id, delivery] : deliveries_) {
    // Whether a replay has begun is not known before it is written down.
    const bool may_be = sending_too && delivery->state != Delivery::State::kReopening;
    if (may_be || delivery->waits()) parked.push_back(delivery);
  }
  for (const auto& delivery : parked) Park(*delivery);
}

void Pipeline::CheckStopped() {
  if (!stopped_ || counters_.pending.load(std::memory_order_relaxed) > 0) return;
  timers_.Cancel(grace_timer_);
  std::exchange(stopped_, nullptr)();
}

}  // namespace trunkline::delivery
