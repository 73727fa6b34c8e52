// Queues elsewhere, in memory: the test sees every message and takes it when it likes.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "delivery/publisher.h"

namespace trunkline::test {

class MemoryPublisher final : public delivery::Publisher {
 public:
  struct Message {
    std::string queue, event_id, intent, idempotency_key, payload;
    bool operator==(const Message&) const = default;
  };
  struct Handed {
    Message message;
    Done done;
    Ticket ticket = 0;
  };

  Ticket Publish(const delivery::PublishedMessage& message, Done done) override {
    under_way.push_back(
        {{std::string(message.queue), std::string(message.event_id), std::string(message.intent),
          std::string(message.idempotency_key), std::string(message.payload)},
         std::move(done),
         ++last_ticket_});
    return last_ticket_;
  }
  void GiveUp(Ticket ticket) override {
    EXPECT_EQ(std::erase_if(under_way, [ticket](const Handed& handed) { return handed.ticket == ticket; }),
              1u);
    ++given_up;
  }

  // Ends the message that has waited longest.
  void Take() { End(Ok()); }
  void Refuse(Error error) { End(std::move(error)); }
  void Refuse(ErrorCode code) { End(Error{.code = code, .message = "the broker is down"}); }

  std::vector<Handed> under_way;
  std::vector<Message> taken;
  std::vector<Message> refused;
  int given_up = 0;

 private:
  void End(Status result) {
    ASSERT_FALSE(under_way.empty()) << "nothing is under way that could end";
    const Handed ended = std::move(under_way.front());
    under_way.erase(under_way.begin());
    (result.ok() ? taken : refused).push_back(ended.message);
    ended.done(std::move(result));
  }

  Ticket last_ticket_ = 0;
};

}  // namespace trunkline::test
