// A publisher that asks through a callback, and is answered by number.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>

#include "delivery/publisher.h"

namespace trunkline::engine {

class CallbackPublisher final : public delivery::Publisher {
 public:
  // The message is valid during the call. The answer comes later, and never inside it.
  using Ask = std::function<void(std::uint64_t id, const delivery::PublishedMessage& message)>;
  explicit CallbackPublisher(Ask ask) : ask_(std::move(ask)) {}

  Ticket Publish(const delivery::PublishedMessage& message, Done done) override {
    const std::uint64_t id = ++last_id_;
    asked_.emplace(id, std::move(done));
    ask_(id, message);
    return id;
  }

  void GiveUp(Ticket id) override { asked_.erase(id); }

  // Nothing for a message that has been answered, or given up, before.
  void Answer(std::uint64_t id, Status result) {
    if (auto asked = asked_.extract(id); !asked.empty()) asked.mapped()(std::move(result));
  }

 private:
  const Ask ask_;
  std::unordered_map<std::uint64_t, Done> asked_;
  std::uint64_t last_id_ = 0;
};

}  // namespace trunkline::engine
