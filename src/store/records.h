// What the store keeps, as plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trunkline::store {

// One accepted event and how far its delivery has come.
struct StoredEvent {
  std::int64_t seq = 0;  // given by the store, in the order of arrival; 0 before
  std::string event_id{};
  std::string intent{};
  std::int64_t received_at = 0;   // ms, wall clock
  std::string queue{};            // where the publish step puts it
  bool embedded = true;           // the queue is one of the store's own: to be stored is to be published
  std::int64_t published_at = 0;  // ms, wall clock; when it was put there; 0: not yet
  std::string idempotency_key{};
  std::string payload{};
};

// The steps of a delivery, in their order; and what may become of the event in its embedded queue.
enum class Step : int { kPublish = 0, kRequest = 1, kConsume = 2 };
const char* Name(Step step);  // "publish", "request", "consume"

struct Try {
  std::int64_t at = 0;  // ms, wall clock
  std::string code{};   // name of the error
  int status = 0;
  std::int64_t duration_ms = 0;
};

struct DeadLetter {
  std::int64_t id = 0;   // given by the store, in the order of failing; 0 before
  std::int64_t seq = 0;  // the event's
  std::string event_id{};
  std::string intent{};
  Step step = Step::kRequest;
  std::string code{};
  int status = 0;  // the platform's last; 0: none came
  std::string error{};
  std::vector<Try> tries{};  // to Bury: those of this run; read: those of earlier runs too, oldest first
  std::int64_t failed_at = 0;
};

enum class EventState : int { kUnfinished = 0, kDone = 1, kDead = 2 };

struct FoundEvent {
  StoredEvent event;
  EventState state = EventState::kUnfinished;
};

// An id that the ring is to know.
struct RememberedId {
  std::string event_id;
  bool done = false;
  std::int64_t at_ms = 0;  // wall clock
};

}  // namespace trunkline::store
