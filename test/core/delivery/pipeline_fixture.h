// A pipeline between a journal, a network and a clock that a test holds in its hands.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "delivery/pipeline.h"
#include "memory_journal.h"
#include "memory_publisher.h"
#include "memory_transport.h"
#include "support/manual_clock.h"

namespace trunkline::test {

inline std::string EventBody(const std::string& event_id, const std::string& intent = "order_management") {
  return R"({"webhookEventId":")" + event_id + R"(","intent":")" + intent +
         R"(","dialogId":"d","sessionId":"s"})";
}

class PipelineFixture : public ::testing::Test {
 protected:
  PipelineFixture() {
    exchange_options.platform = "Cognigy";
    exchange_options.base = *net::ParseBaseUrl("http://127.0.0.1:1");
    options.request =
        *delivery::RequestTemplate::Compile("POST", "/state/{dialogId}/{sessionId}",
                                            R"({"queue":"{queue}","at":"{processedAt}","ms":"{latencyMs}"})");
    policy.jitter = options.publish.retry.jitter = retry::Jitter::kNone;
    options.routes = {{"order_management", "orders-queue"}};
    options.default_queue = "general-queue";

    admission = MakeAdmission();
  }

  std::unique_ptr<delivery::Admission> MakeAdmission() {
    auto verifier = crypto::SignatureVerifier::Create(*crypto::FindScheme("cognigy"), {{'k'}});
    auto ring = idempotency::Ring::Create({.capacity = 32'768, .ttl_ms = 86'400'000, .key = {}}, clock);
    auto made = std::make_unique<delivery::Admission>(std::move(*verifier), clock);
    made->UseRing(std::move(*ring));
    return made;
  }

  void Start() {
    pipeline.reset();
    exchange = std::move(delivery::Exchange::Create(exchange_options, transport, nullptr, timers, clock,
                                                    platform_counters))
                   .value();
    options.retry = std::make_shared<retry::Policy>(policy);
    pipeline = std::make_unique<delivery::Pipeline>(
        options, journal, elsewhere ? &publisher : nullptr, exchange.get(), timers, clock, *admission,
        counters, [this](const delivery::Finished& end) { finished.push_back(end); });
  }

  // The answers that one caller was given; more than one is a mistake that every test would see.
  struct Caller {
    std::vector<delivery::Answer> answers;
    std::optional<delivery::AnswerKind> kind() const {
      EXPECT_LE(answers.size(), 1u);
      return answers.empty() ? std::nullopt : std::optional(answers.front().kind);
    }
  };
  using CallerPtr = std::shared_ptr<Caller>;

  static delivery::AnswerCallback To(const CallerPtr& caller) {
    return [caller](const delivery::Answer& answer) { caller->answers.push_back(answer); };
  }

  // As the door does it: claim, then accept, or join.
  CallerPtr Post(const std::string& event_id, const std::string& intent = "order_management") {
    return PostBody(event_id, EventBody(event_id, intent));
  }
  CallerPtr PostBody(const std::string& event_id, const std::string& body) {
    auto caller = std::make_shared<Caller>();
    auto claim = admission->ring().TryClaim(event_id);
    EXPECT_TRUE(claim.ok());
    if (*claim == idempotency::Claim::kDone) {
      caller->answers.push_back({delivery::AnswerKind::kDuplicate});
    } else if (*claim == idempotency::Claim::kInFlight) {
      pipeline->JoinDuplicate(event_id, To(caller));
    } else {
      pipeline->Accept(*json::ParseEventFields(AsBytes(body)), body, clock.MonotonicUs(), To(caller));
    }
    return caller;
  }

  CallerPtr Replay(const std::string& event_id, bool with_body = false) {
    auto caller = std::make_shared<Caller>();
    std::optional<delivery::Pipeline::FreshEvent> fresh;
    if (with_body) {
      const std::string body = EventBody(event_id);
      fresh = {*json::ParseEventFields(AsBytes(body)), body};
    }
    pipeline->Replay(event_id, std::move(fresh), clock.MonotonicUs(), To(caller));
    return caller;
  }

  void Advance(std::int64_t ms) {
    clock.Advance(ms);
    while (!timers.Advance(clock.MonotonicMs())) {
    }
  }

  ManualClock clock;
  retry::TimerWheel timers{clock.MonotonicMs()};
  MemoryJournal journal;
  MemoryTransport transport;
  MemoryPublisher publisher;
  bool elsewhere = false;  // are the queues the publisher's, or the journal's own?
  delivery::PipelineCounters counters;
  std::vector<delivery::Finished> finished;
  delivery::ExchangeCounters platform_counters;
  delivery::ExchangeOptions exchange_options;
  retry::Policy policy;
  delivery::PipelineOptions options;
  std::unique_ptr<delivery::Admission> admission;
  std::unique_ptr<delivery::Exchange> exchange;
  std::unique_ptr<delivery::Pipeline> pipeline;
};

}  // namespace trunkline::test
