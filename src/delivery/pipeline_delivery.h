// One event under way. Only the pipeline's own files include this.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "delivery/pipeline.h"

namespace trunkline::delivery {

inline constexpr std::int64_t kStoreRetryMs =
    1000;  // how soon a record that the store refused is offered to it again

struct Pipeline::Delivery : LineMember, Aged {
  enum class State : std::uint8_t {
    kReopening,   // a replay, whose beginning is being written down
    kInLine,      // behind others of its key
    kPublishing,  // with the publisher, or waiting for a turn or a try
    kRecording,   // it is in its queue, which is being written down
    kRequesting,  // with the exchange
    kBurying,     // the dead letter is being written down
  };

  explicit Delivery(Pipeline& pipeline)
      : call([this, &pipeline](Result<Reply> result) { pipeline.OnCallEnd(*this, std::move(result)); },
             [this, &pipeline](const Error& error) {
               pipeline.OnFailedTry(*this, error, call.try_started_ms());
             }),
        answers(pipeline.timers_, pipeline.clock_),
        deadline_timer([this, &pipeline] { pipeline.OnDeadline(*this); }),
        record_timer([this, &pipeline] {
          if (state == State::kRecording) return pipeline.RecordPublished(*this);
          pipeline.RecordDeadLetter(*this);
        }) {}

  const std::string& KeyBy(OrderBy order_by) const {
    if (order_by == OrderBy::kSession) return session_id;
    return order_by == OrderBy::kDialog ? dialog_id : event.intent;
  }

  // Nothing of it is under way, neither a try nor a record: it could be left where it is.
  bool waits() const {
    return state == State::kInLine || (state == State::kPublishing && !publish->sending()) ||
           (state == State::kRequesting && !call.sending());
  }

  std::weak_ptr<Delivery> self;
  store::StoredEvent event;  // with its payload up to its publishing
  std::string dialog_id;
  std::string session_id;
  State state = State::kReopening;
  store::Step step = store::Step::kRequest;  // the first that is not done
  std::int64_t arrived_us = 0;
  std::unique_ptr<PendingPublish> publish;
  PendingCall call;
  std::vector<store::Try> tries;  // of the step, that failed
  int attempts = 0;               // of the step
  std::unique_ptr<Error> last_error;
  Answers answers;
  retry::Timer deadline_timer;
  retry::Timer record_timer;  // offers the store again what it could not write down
};

}  // namespace trunkline::delivery
