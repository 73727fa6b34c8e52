// Queues elsewhere, and how messages get there.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace trunkline::delivery {

// An event on its way to its queue. Valid during the call that hands it over.
struct PublishedMessage {
  std::string_view queue;
  std::string_view event_id;
  std::string_view intent;
  std::string_view idempotency_key;  // the same whenever this event is published
  std::string_view payload;          // the body as it came
};

// Everything on the engine thread.
class Publisher {
 public:
  // Ok: the queue has the message in safe keeping. An error is tried again as its code says (base/errors.h).
  using Done = std::function<void(Status)>;
  // Names a message that is under way; means nothing any more once its `done` has begun.
  using Ticket = std::uint64_t;
  virtual ~Publisher() = default;

  // `done` never runs inside the call, and once unless the message is given up.
  virtual Ticket Publish(const PublishedMessage& message, Done done) = 0;

  // Nobody waits for that message any more: its `done` never runs. It may arrive all the same.
  virtual void GiveUp(Ticket ticket) = 0;
};

}  // namespace trunkline::delivery
