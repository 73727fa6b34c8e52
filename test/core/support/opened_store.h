// A store on a directory, with its answers waited for.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "support/mailbox.h"
#include "support/manual_clock.h"

namespace trunkline::test {

inline store::StoredEvent MakeEvent(const std::string& id, const std::string& payload = "{}",
                                    const std::string& queue = "q") {
  store::StoredEvent event;
  event.event_id = id;
  event.intent = "intent of " + id;
  event.received_at = 1'700'000'000'000;
  event.queue = queue;
  event.idempotency_key = "key of " + id;
  event.payload = payload;
  return event;
}

class OpenedStore {
 public:
  explicit OpenedStore(const std::string& directory, store::StoreOptions options = {},
                       store::StoreHooks hooks = {}) {
    options.directory = directory;
    store_ = std::make_unique<store::Store>(
        std::move(options), clock, [this](Mailbox::Job job) { mailbox.Post(std::move(job)); },
        std::move(hooks));
  }

  // Waits for the answer that `submit` asks for.
  template <typename T>
  Result<T> Wait(const std::function<void(std::function<void(Result<T>)>)>& submit) {
    const auto answer = std::make_shared<std::optional<Result<T>>>();
    submit([answer](Result<T> result) { *answer = std::move(result); });
    EXPECT_FALSE(answer->has_value()) << "no callback runs inside the call";
    if (!mailbox.RunUntil([&] { return answer->has_value(); })) {
      return Error{.code = ErrorCode::kAborted, .message = "no answer"};
    }
    return std::move(**answer);
  }

  Result<std::vector<store::StoredEvent>> Open() {
    return Wait<std::vector<store::StoredEvent>>([&](auto done) { store_->Open(std::move(done)); });
  }
  Result<store::StoredEvent> Append(store::StoredEvent event) {
    return Wait<store::StoredEvent>([&](auto done) { store_->Append(std::move(event), std::move(done)); });
  }
  Result<store::StoredEvent> Put(store::StoredEvent message) {
    return Wait<store::StoredEvent>([&](auto done) { store_->Put(std::move(message), std::move(done)); });
  }
  std::int64_t Seq(store::StoredEvent event) {
    auto stored = Append(std::move(event));
    EXPECT_TRUE(stored.ok()) << (stored.ok() ? "" : stored.error().message);
    return stored.ok() ? stored->seq : 0;
  }
  Status MarkDone(std::int64_t seq) {
    return Wait<std::monostate>([&](auto done) { store_->MarkDone(seq, std::move(done)); });
  }
  Status Bury(store::DeadLetter letter) {
    return Wait<std::monostate>([&](auto done) { store_->Bury(std::move(letter), std::move(done)); });
  }
  Status MarkPublished(std::int64_t seq, std::int64_t at) {
    return Wait<std::monostate>([&](auto done) { store_->MarkPublished(seq, at, std::move(done)); });
  }
  Status PutNote(std::string key, std::string value, std::int64_t lifetime_ms) {
    return Wait<std::monostate>(
        [&](auto done) { store_->PutNote(std::move(key), std::move(value), lifetime_ms, std::move(done)); });
  }
  Result<std::optional<std::string>> FindNote(const std::string& key) {
    return Wait<std::optional<std::string>>([&](auto done) { store_->FindNote(key, std::move(done)); });
  }
  Result<bool> Reopen(std::int64_t seq, bool from_start = false) {
    return Wait<bool>([&](auto done) { store_->Reopen(seq, from_start, std::move(done)); });
  }
  Result<std::optional<store::FoundEvent>> Find(const std::string& id) {
    return Wait<std::optional<store::FoundEvent>>([&](auto done) { store_->Find(id, std::move(done)); });
  }
  Result<std::vector<store::DeadLetter>> DeadLetters(store::DeadLetterFilter filter = {}) {
    return Wait<std::vector<store::DeadLetter>>(
        [&](auto done) { store_->DeadLetters(std::move(filter), std::move(done)); });
  }
  Result<std::int64_t> Purge(store::DeadLetterFilter filter = {}) {
    return Wait<std::int64_t>([&](auto done) { store_->Purge(std::move(filter), std::move(done)); });
  }
  Result<store::TakenMessages> Take(const std::string& queue, int limit = 10,
                                    std::int64_t visible_ms = 60'000) {
    return Wait<store::TakenMessages>(
        [&](auto done) { store_->Take(queue, limit, visible_ms, std::move(done)); });
  }
  Status Ack(const store::QueueMessage& message) {
    return Wait<std::monostate>(
        [&](auto done) { store_->Ack(message.event.seq, message.deliveries, std::move(done)); });
  }
  Status Nack(const store::QueueMessage& message, std::int64_t delay_ms = 0) {
    return Wait<std::monostate>([&](auto done) {
      store_->Nack(message.event.seq, message.deliveries, delay_ms, {.at = 7, .code = "ABORTED"},
                   std::move(done));
    });
  }
  Result<bool> BuryMessage(const store::QueueMessage& message) {
    store::DeadLetter letter{.seq = message.event.seq,
                             .event_id = message.event.event_id,
                             .intent = message.event.intent,
                             .step = store::Step::kConsume,
                             .code = "ABORTED",
                             .error = "the consumer gave up",
                             .failed_at = clock.WallMs()};
    return Wait<bool>(
        [&](auto done) { store_->BuryMessage(std::move(letter), message.deliveries, std::move(done)); });
  }
  Result<bool> Requeue(std::int64_t seq) {
    return Wait<bool>([&](auto done) { store_->Requeue(seq, std::move(done)); });
  }
  Result<std::vector<store::QueueDepth>> QueueDepths() {
    return Wait<std::vector<store::QueueDepth>>([&](auto done) { store_->QueueDepths(std::move(done)); });
  }

  store::Store& operator*() { return *store_; }
  store::Store* operator->() { return store_.get(); }
  void Destroy() { store_.reset(); }

  ManualClock clock;
  Mailbox mailbox;

 private:
  std::unique_ptr<store::Store> store_;
};

}  // namespace trunkline::test
