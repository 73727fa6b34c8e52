#include "delivery/consumer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "crypto/random.h"

namespace trunkline::delivery {

struct Consumer::InHand {
  struct Message {
    std::string event_id;
    std::string intent;
    std::int64_t since_ms;  // wall clock
  };
  std::map<std::pair<std::int64_t, int>, Message> messages;  // by seq and deliveries
};

Consumer::Consumer(ConsumerOptions options, store::QueueLog& log, retry::TimerWheel& timers,
                   const Clock& clock, Handler handler, std::function<void(const Error&)> failed)
    : options_(std::move(options)),
      log_(log),
      timers_(timers),
      clock_(clock),
      handler_(std::move(handler)),
      failed_(std::move(failed)),
      in_hand_(std::make_unique<InHand>()),
      poll_timer_([this] { Look(); }),
      grace_timer_([this] { GiveBackAll(); }),
      self_(std::make_shared<Consumer*>(this)) {
  Look();
}

Consumer::~Consumer() = default;

void Consumer::Look() {
  const int free = options_.concurrency - static_cast<int>(in_hand_->messages.size());
  if (stopping_) return;
  look_again_ = taking_;
  if (taking_ || free <= 0) return;  // whoever settles a message looks
  taking_ = true;
  log_.Take(options_.queue, free, options_.visible_ms,
            [this, alive = std::weak_ptr(self_)](Result<store::TakenMessages> taken) {
              if (!alive.expired()) OnTaken(std::move(taken));
            });
}

void Consumer::OnTaken(Result<store::TakenMessages> taken) {
  taking_ = false;
  std::int64_t pause_ms = options_.poll_ms;
  if (taken.ok() && taken->next_due_at > 0) {
    pause_ms = std::clamp<std::int64_t>(taken->next_due_at - clock_.WallMs(), 0, pause_ms);
  }
  timers_.Schedule(poll_timer_, clock_.MonotonicMs() + pause_ms);
  if (!taken.ok()) {
    if (!std::exchange(refused_, true)) failed_(taken.error());
    return CheckStopped();
  }
  refused_ = false;
  const bool look_again = std::exchange(look_again_, false) || taken->look_again;
  for (store::QueueMessage& message : taken->messages) {
    const std::int64_t seq = message.event.seq;
    const int deliveries = message.deliveries;
    in_hand_->messages.insert_or_assign(
        {seq, deliveries}, InHand::Message{message.event.event_id, message.event.intent, clock_.WallMs()});
    if (stopping_) {
      GiveBack(seq, deliveries);
    } else if (deliveries > options_.retry->attempts) {
      // It was handed out often enough, and nobody lived to say what came of it.
      Settle(seq, deliveries,
             Error{.code = ErrorCode::kAborted,
                   .message = "the handlers of " + options_.queue + " never came back"});
    } else {
      handler_(std::move(message));
    }
  }
  if (look_again) Look();
  CheckStopped();
}

store::QueueLog::Recorded Consumer::Written() {
  ++settling_;
  return [this, alive = std::weak_ptr(self_)](Status status) {
    if (!alive.expired()) OnSettled(std::move(status));
  };
}

// Not done, and at once somebody else's.
void Consumer::GiveBack(std::int64_t seq, int deliveries) {
  in_hand_->messages.erase({seq, deliveries});
  log_.Nack(seq, deliveries, 0, {.at = clock_.WallMs(), .code = "CLOSED"}, Written());
}

void Consumer::GiveBackAll() {
  while (!in_hand_->messages.empty()) {
    const auto [seq, deliveries] = in_hand_->messages.begin()->first;
    GiveBack(seq, deliveries);
  }
  CheckStopped();
}

void Consumer::Settle(std::int64_t seq, int deliveries, Status result) {
  const auto found = in_hand_->messages.extract({seq, deliveries});
  if (found.empty()) return;
  const InHand::Message& message = found.mapped();
  const auto written = Written();
  if (result.ok()) {
    log_.Ack(seq, deliveries, written);
    return Look();
  }
  const Error& error = result.error();
  const store::Try failed{.at = message.since_ms,
                          .code = std::string(Describe(error.code).name),
                          .status = error.status,
                          .duration_ms = std::max<std::int64_t>(0, clock_.WallMs() - message.since_ms)};
  // Whatever a handler throws may be mended by another try: it is the number of tries that ends them.
  if (deliveries < options_.retry->attempts) {
    const std::int64_t delay_ms = retry::BackoffMs(*options_.retry, deliveries, crypto::RandomUnit());
    log_.Nack(seq, deliveries, delay_ms, failed, written);
  } else {
    log_.BuryMessage({.seq = seq,
                      .event_id = message.event_id,
                      .intent = message.intent,
                      .step = store::Step::kConsume,
                      .code = failed.code,
                      .status = error.status,
                      .error = error.message,
                      .tries = {failed},
                      .failed_at = clock_.WallMs()},
                     deliveries, [written](const Result<bool>& buried) {
                       written(buried.ok() ? Ok() : Status(buried.error()));
                     });
  }
  Look();
}

// What could not be written down comes again when its time is over: it is safe, and at least once.
void Consumer::OnSettled(Status written) {
  if (settling_ > 0) --settling_;
  if (!written.ok() && !std::exchange(refused_, true)) failed_(written.error());
  CheckStopped();
}

void Consumer::Stop(std::int64_t grace_ms, std::function<void()> stopped) {
  stopping_ = true;
  stopped_.push_back(std::move(stopped));
  timers_.Cancel(poll_timer_);
  timers_.Schedule(grace_timer_, clock_.MonotonicMs() + grace_ms);
  CheckStopped();
}

void Consumer::CheckStopped() {
  if (stopped_.empty() || taking_ || settling_ > 0 || !in_hand_->messages.empty()) return;
  timers_.Cancel(grace_timer_);
  timers_.Cancel(poll_timer_);
  for (const auto& stopped : std::exchange(stopped_, {})) stopped();
}

}  // namespace trunkline::delivery
