#include "store/store.h"

#include <utility>

#include "store/events_table.h"
#include "store/member.h"
#include "store/notes_table.h"
#include "store/opening.h"
#include "store/reader.h"
#include "store/write_queue.h"
#include "store/writer.h"

namespace trunkline::store {
namespace {

// The write that there is most of.
class AppendEvent final : public Write {
 public:
  // `state` other than unfinished: nothing is to be done with it.
  AppendEvent(StoredEvent event, EventState state, Store::Callback<StoredEvent> callback)
      : Write(true), event_(std::move(event)), state_(state), callback_(std::move(callback)) {}

  Status Apply(Transaction& in) override {
    Status inserted = InsertEvent(in.database, event_, in.member, in.clock.WallMs());
    if (!inserted.ok() || state_ == EventState::kUnfinished) return inserted;
    return SetOutcome(in.database, event_.seq, state_);
  }

  void Finish(Status durable) override {
    if (!durable.ok()) return callback_(std::move(durable.error()));
    event_.payload = {};
    callback_(std::move(event_));
  }

 private:
  StoredEvent event_;
  const EventState state_;
  Store::Callback<StoredEvent> callback_;
};

}  // namespace

struct Store::Parts {
  Parts(StoreOptions store_options, const Clock& store_clock, Post store_post, StoreHooks store_hooks)
      : options(std::move(store_options)),
        clock(store_clock),
        post(std::move(store_post)),
        hooks(std::make_shared<const StoreHooks>(std::move(store_hooks))),
        queue(options.max_waiting, std::chrono::milliseconds(options.group_window_ms), post),
        reader(std::make_shared<Reader>(options.database_path(), post)),
        writer(options, clock, post, queue) {}

  Result<std::vector<StoredEvent>> OpenHere();

  // Reads once everything submitted before is on disk.
  template <typename T>
  void Read(std::function<Result<T>(Database&)> query, Callback<T> callback);

  const StoreOptions options;
  const Clock& clock;
  const Post post;
  const std::shared_ptr<const StoreHooks> hooks;  // shared: what has been posted may outlive the store

  WriteQueue queue;
  const std::shared_ptr<Reader>
      reader;  // shared: answers that have been posted ask for it, and may find it gone
  Writer writer;
};

// On the writer's thread.
Result<std::vector<StoredEvent>> Store::Parts::OpenHere() {
  auto opened = OpenStore(options, clock, hooks->ids.get(), [this] { return queue.stopping(); });
  if (!opened) return opened.error();
  std::unique_ptr<Member> member;
  if (opened->membership) {
    member =
        std::make_unique<Member>(std::move(*opened->membership), options.role, hooks, post, *reader, queue);
  }
  writer.Begin(std::move(opened->database), std::move(member));
  return std::move(opened->unfinished);
}

template <typename T>
void Store::Parts::Read(std::function<Result<T>(Database&)> query, Callback<T> callback) {
  // Writes nothing: its end says that everything submitted before it is on disk. That end is posted, and may
  // be run when the store is gone.
  const auto nothing = [](Transaction&) { return Ok(); };
  queue.Submit<std::monostate>(true, nothing,
                               [weak = std::weak_ptr(reader), query = std::move(query),
                                callback = std::move(callback)](Status written) mutable {
                                 const auto alive = weak.lock();
                                 if (!alive) return callback(ClosedError());
                                 if (!written.ok()) return callback(std::move(written.error()));
                                 alive->Read(std::move(query), std::move(callback));
                               });
}

Store::Store(StoreOptions options, const Clock& clock, Post post, StoreHooks hooks)
    : parts_(std::make_unique<Parts>(std::move(options), clock, std::move(post), std::move(hooks))) {}

// Both threads are told before either is waited for. The writer goes last: it has the member, to which jobs
// of the reader refer.
Store::~Store() {
  parts_->queue.Stop();
  parts_->reader->Stop();
}

void Store::Open(Callback<std::vector<StoredEvent>> callback) {
  parts_->queue.RunFirst([parts = parts_.get(), callback = std::move(callback)]() mutable {
    const auto opened = std::make_shared<Result<std::vector<StoredEvent>>>(parts->OpenHere());
    parts->post([callback = std::move(callback), opened] { callback(std::move(*opened)); });
  });
}

void Store::NothingLeft() { parts_->writer.NothingLeft(); }

void Store::Append(StoredEvent event, Callback<StoredEvent> callback) {
  parts_->queue.Submit(
      std::make_unique<AppendEvent>(std::move(event), EventState::kUnfinished, std::move(callback)));
}

void Store::Put(StoredEvent message, Callback<StoredEvent> callback) {
  parts_->queue.Submit(
      std::make_unique<AppendEvent>(std::move(message), EventState::kDone, std::move(callback)));
}

void Store::MarkPublished(std::int64_t seq, std::int64_t at, Recorded callback) {
  parts_->queue.Submit<std::monostate>(
      false, [seq, at](Transaction& in) { return SetPublished(in.database, seq, at); }, std::move(callback));
}

void Store::MarkDone(std::int64_t seq, Recorded callback) {
  parts_->queue.Submit<std::monostate>(
      false, [seq](Transaction& in) { return SetOutcome(in.database, seq, EventState::kDone); },
      std::move(callback));
}

void Store::Bury(DeadLetter letter, Recorded callback) {
  parts_->queue.Submit<std::monostate>(
      true,
      [letter = std::move(letter)](Transaction& in) -> Status {
        if (Status set = SetOutcome(in.database, letter.seq, EventState::kDead); !set.ok()) return set;
        return InsertDeadLetter(in.database, letter);
      },
      std::move(callback));
}

void Store::Reopen(std::int64_t seq, bool from_start, Callback<bool> callback) {
  parts_->queue.Submit<bool>(
      true,
      [seq, from_start](Transaction& in) {
        return ReopenEvent(in.database, seq, in.member, from_start, in.clock.WallMs());
      },
      std::move(callback));
}

void Store::Find(std::string event_id, Callback<std::optional<FoundEvent>> callback) {
  parts_->Read<std::optional<FoundEvent>>(
      [event_id = std::move(event_id)](Database& database) { return FindEvent(database, event_id); },
      std::move(callback));
}

void Store::PutNote(std::string key, std::string value, std::int64_t lifetime_ms, Recorded callback) {
  parts_->queue.Submit<std::monostate>(
      true,
      [key = std::move(key), value = std::move(value), lifetime_ms](Transaction& in) {
        return store::PutNote(in.database, key, value, in.clock.WallMs() + lifetime_ms);
      },
      std::move(callback));
}

void Store::FindNote(std::string key, Callback<std::optional<std::string>> callback) {
  parts_->Read<std::optional<std::string>>(
      [&clock = parts_->clock, key = std::move(key)](Database& database) {
        return store::FindNote(database, key, clock.WallMs());
      },
      std::move(callback));
}

void Store::DeadLetters(DeadLetterFilter filter, Callback<std::vector<DeadLetter>> callback) {
  parts_->Read<std::vector<DeadLetter>>(
      [filter = std::move(filter)](Database& database) { return ReadDeadLetters(database, filter); },
      std::move(callback));
}

void Store::Purge(DeadLetterFilter filter, Callback<std::int64_t> callback) {
  parts_->queue.Submit<std::int64_t>(
      true, [filter = std::move(filter)](Transaction& in) { return PurgeDeadLetters(in.database, filter); },
      std::move(callback));
}

void Store::Take(std::string queue, int limit, std::int64_t visible_ms, Callback<TakenMessages> callback) {
  parts_->queue.Submit<TakenMessages>(
      true,
      [queue = std::move(queue), limit, visible_ms](Transaction& in) {
        const std::int64_t now_ms = in.clock.WallMs();
        return TakeMessages(in.database, queue, limit, in.member, now_ms, now_ms + visible_ms);
      },
      std::move(callback));
}

void Store::Ack(std::int64_t seq, int deliveries, Recorded callback) {
  parts_->queue.Submit<std::monostate>(
      false, [seq, deliveries](Transaction& in) { return AckMessage(in.database, seq, deliveries); },
      std::move(callback));
}

void Store::Nack(std::int64_t seq, int deliveries, std::int64_t delay_ms, Try failed, Recorded callback) {
  parts_->queue.Submit<std::monostate>(
      false,
      [seq, deliveries, delay_ms, failed = std::move(failed)](Transaction& in) {
        return NackMessage(in.database, seq, deliveries, in.clock.WallMs() + delay_ms, failed);
      },
      std::move(callback));
}

void Store::BuryMessage(DeadLetter letter, int deliveries, Callback<bool> callback) {
  parts_->queue.Submit<bool>(
      true,
      [letter = std::move(letter), deliveries](Transaction& in) {
        return store::BuryMessage(in.database, letter, deliveries);
      },
      std::move(callback));
}

void Store::Requeue(std::int64_t seq, Callback<bool> callback) {
  parts_->queue.Submit<bool>(
      true, [seq](Transaction& in) { return RequeueMessage(in.database, seq, in.clock.WallMs()); },
      std::move(callback));
}

void Store::QueueDepths(Callback<std::vector<QueueDepth>> callback) {
  parts_->Read<std::vector<QueueDepth>>(ReadQueueDepths, std::move(callback));
}

}  // namespace trunkline::store
