// Who waits for the outcome of one delivery, and what they are told.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "base/errors.h"
#include "retry/timer_wheel.h"

namespace trunkline::delivery {

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

// Each is answered once: with the outcome, or with kAccepted when its own time is over. One thread;
// destroying this leaves them without an answer.
class Answers {
 public:
  Answers(retry::TimerWheel& timers, const Clock& clock);

  void Add(AnswerCallback answer, std::int64_t due_ms);  // monotonic
  void Give(const Answer& answer);                       // to all

 private:
  void OnDue();

  struct Waiting {
    std::int64_t due_ms;
    AnswerCallback answer;
  };
  retry::TimerWheel& timers_;
  const Clock& clock_;
  std::vector<Waiting> waiting_;
  retry::Timer timer_;
};

}  // namespace trunkline::delivery
