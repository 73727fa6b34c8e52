#include "delivery/answers.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace trunkline::delivery {

Answers::Answers(retry::TimerWheel& timers, const Clock& clock)
    : timers_(timers), clock_(clock), timer_([this] { OnDue(); }) {}

void Answers::Add(AnswerCallback answer, std::int64_t due_ms) {
  waiting_.push_back({due_ms, std::move(answer)});
  // Whoever joins later has a time of its own, and does not put off that of the others.
  if (!timer_.scheduled() || due_ms < timer_.due_ms()) timers_.Schedule(timer_, due_ms);
}

void Answers::Give(const Answer& answer) {
  timers_.Cancel(timer_);
  for (const Waiting& waiting : std::exchange(waiting_, {})) waiting.answer(answer);
}

void Answers::OnDue() {
  const std::int64_t now_ms = clock_.MonotonicMs();
  std::vector<AnswerCallback> due;
  std::optional<std::int64_t> next_ms;
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    if (waiting.due_ms <= now_ms) {
      due.push_back(std::move(waiting.answer));
    } else {
      next_ms = std::min(next_ms.value_or(waiting.due_ms), waiting.due_ms);
      waiting_.push_back(std::move(waiting));
    }
  }
  if (next_ms) timers_.Schedule(timer_, *next_ms);
  for (const AnswerCallback& answer : due) answer({AnswerKind::kAccepted});
}

}  // namespace trunkline::delivery
