#include "store/store.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "base/disk_error.h"
#include "base/thread_name.h"
#include "store/checkpointer.h"
#include "store/database.h"
#include "store/events_table.h"
#include "store/membership.h"
#include "store/notes_table.h"
#include "store/schema.h"
#include "store/write.h"

namespace trunkline::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kLazyDelay =
    std::chrono::milliseconds(10);  // how long a write that nobody waits for may wait for company
constexpr std::size_t kCrowd =
    4;  // this many urgent writes in one commit mean load: the next ones are gathered
constexpr std::size_t kFullGroup = 512;  // enough to commit without gathering on
constexpr auto kLookPause =
    std::chrono::microseconds(200);  // nothing came for so long: nobody else is on the way
constexpr int kLooks = 3;            // whether that is so; more of them would cost more than a small group
constexpr int kSweepRows = 128;      // looked at by one step of the retention
constexpr auto kSweepPause = std::chrono::milliseconds(20);  // between steps where nothing else is written
// A member records a death before it tells the ring: of one that was killed in between, the letters are among
// the last that were written, however long ago that is by the clock.
constexpr std::int64_t kLastLetters = 10'000;

Error Unavailable(std::string message, std::string hint = {}) {
  return {.code = ErrorCode::kStoreUnavailable, .message = std::move(message), .hint = std::move(hint)};
}

Error ClosedError() { return {.code = ErrorCode::kClosed, .message = "the event store is closed"}; }

// What members that are gone have left.
struct Estate {
  std::vector<StoredEvent> unfinished;
  std::vector<std::int64_t> of_others;  // those among them that another number than the heir's stands for
  std::vector<RememberedId> ids;        // of these, and of the last dead letters
};

Result<Estate> ReadEstate(Database& database, const MemberTest& is_gone, int heir) {
  Estate estate;
  auto left = ReadUnfinished(database, is_gone);
  if (!left) return left.error();
  for (auto& [event, member] : *left) {
    estate.ids.push_back({event.event_id, false, event.received_at});
    if (member != heir) estate.of_others.push_back(event.seq);
    estate.unfinished.push_back(std::move(event));
  }
  const auto newest = NewestDeadLetter(database);
  if (!newest.ok()) return newest.error();
  auto letters = ReadDeadLetters(database, {.after_id = *newest - kLastLetters, .limit = kLastLetters});
  if (!letters) return letters.error();
  for (const DeadLetter& letter : *letters) estate.ids.push_back({letter.event_id, true, letter.failed_at});
  return estate;
}

Status Inherit(Database& database, const Estate& estate, const std::vector<int>& gone, int heir) {
  for (const std::int64_t seq : estate.of_others) {
    if (Status taken = TakeCustody(database, seq, heir); !taken.ok()) return taken;
  }
  for (const int number : gone) {
    if (Status released = ReleaseMessages(database, number); !released.ok()) return released;
  }
  return Ok();
}

}  // namespace

struct Store::Impl : std::enable_shared_from_this<Store::Impl> {
  Impl(StoreOptions store_options, const Clock& store_clock, Post store_post, StoreHooks store_hooks)
      : options(std::move(store_options)),
        clock(store_clock),
        post(std::move(store_post)),
        hooks(std::make_shared<const StoreHooks>(std::move(store_hooks))),
        retention(options.retention),
        checkpointer(path()) {}

  using Job = std::function<void(Result<Database>&)>;  // runs on the reader

  void Submit(std::unique_ptr<Write> write);
  template <typename T>
  void Submit(bool urgent, std::function<Result<T>(Database&)> apply, Callback<T> callback) {
    Submit(std::make_unique<Request<T>>(urgent, std::move(apply), std::move(callback)));
  }
  // Reads once everything submitted before is on disk.
  template <typename T>
  void Read(std::function<Result<T>(Database&)> query, Callback<T> callback);
  void SubmitJob(Job job);
  void RunWriter();
  void RunReader();
  Result<std::vector<StoredEvent>> OpenHere();
  Result<std::vector<StoredEvent>> TakeWhatIsLeft(Database& opened, Membership& joined);
  void Gather(std::unique_lock<std::mutex>& guard, SteadyClock::time_point end);
  Status Commit(std::vector<std::unique_ptr<Write>>& batch);
  void Sweep();
  SteadyClock::duration Tend();
  void LookForChanges();
  void TakeOver(int dead);
  std::string path() const { return options.directory + "/" + options.name + ".db"; }

  const StoreOptions options;
  const Clock& clock;
  const Post post;
  const std::shared_ptr<const StoreHooks> hooks;  // shared: what has been posted may outlive the store

  std::mutex mutex;
  std::condition_variable wake_writer;
  std::condition_variable wake_reader;
  bool stopping = false;
  bool nothing_left = false;
  std::vector<std::unique_ptr<Write>> waiting;
  std::size_t urgent_waiting = 0;
  std::optional<Callback<std::vector<StoredEvent>>> open_request;
  std::vector<Job> reads;
  std::vector<int> inherited_from;  // members whose work is ours now, on disk too
  std::vector<int> to_take_over;    // members whose work could not be taken over yet

  // The writer thread's own.
  std::optional<Membership> membership;
  int member = 0;
  std::optional<Database> database;
  Retention retention;
  bool sweeping = false;  // there is more to delete
  std::int64_t data_version = 0;

  Checkpointer checkpointer;
  std::thread writer;
  std::thread reader;  // started by the first read
};

namespace {

// The write that there is most of.
class AppendEvent final : public Write {
 public:
  // `member` is read when the write is applied. `state` other than unfinished: nothing is to be done with it.
  AppendEvent(StoredEvent event, EventState state, const int& member, const Clock& clock,
              Store::Callback<StoredEvent> callback)
      : Write(true),
        event_(std::move(event)),
        state_(state),
        member_(member),
        clock_(clock),
        callback_(std::move(callback)) {}

  Status Apply(Database& database) override {
    Status inserted = InsertEvent(database, event_, member_, clock_.WallMs());
    if (!inserted.ok() || state_ == EventState::kUnfinished) return inserted;
    return SetOutcome(database, event_.seq, state_);
  }

  void Finish(Status durable) override {
    if (!durable.ok()) return callback_(std::move(durable.error()));
    event_.payload = {};
    callback_(std::move(event_));
  }

 private:
  StoredEvent event_;
  const EventState state_;
  const int& member_;
  const Clock& clock_;
  Store::Callback<StoredEvent> callback_;
};

}  // namespace

void Store::Impl::Submit(std::unique_ptr<Write> write) {
  {
    const std::lock_guard guard(mutex);
    if (waiting.size() < options.max_waiting) {
      if (write->urgent) ++urgent_waiting;
      const bool wake = write->urgent ? urgent_waiting == 1 : waiting.empty();
      waiting.push_back(std::move(write));
      if (wake) wake_writer.notify_one();
      return;
    }
  }
  // Full: the answer takes the same way as every other, so that no caller is called back inside its own call.
  std::shared_ptr<Write> refused = std::move(write);
  post([refused] {
    refused->Finish(
        Error{.code = ErrorCode::kQueueFull, .message = "too many writes wait for the event store"});
  });
}

template <typename T>
void Store::Impl::Read(std::function<Result<T>(Database&)> query, Callback<T> callback) {
  // Writes nothing: its end says that everything submitted before it is on disk. That end is posted, and may
  // be run when the store is gone.
  const auto nothing = [](Database&) { return Ok(); };
  Submit<std::monostate>(true, nothing,
                         [weak = weak_from_this(), query = std::move(query),
                          callback = std::move(callback)](Status written) mutable {
                           const auto self = weak.lock();
                           if (!self) return callback(ClosedError());
                           if (!written.ok()) return callback(std::move(written.error()));
                           self->SubmitJob([impl = self.get(), query = std::move(query),
                                            callback = std::move(callback)](Result<Database>& reader_or) {
                             const auto result = std::make_shared<Result<T>>(
                                 reader_or.ok() ? query(*reader_or) : Result<T>(reader_or.error()));
                             impl->post([callback, result] { callback(std::move(*result)); });
                           });
                         });
}

void Store::Impl::SubmitJob(Job job) {
  std::unique_lock guard(mutex);
  if (stopping) {
    guard.unlock();
    Result<Database> closed = ClosedError();
    return job(closed);
  }
  reads.push_back(std::move(job));
  if (!reader.joinable()) reader = std::thread([this] { RunReader(); });
  wake_reader.notify_one();
}

Result<std::vector<StoredEvent>> Store::Impl::OpenHere() {
  std::error_code error;
  if (options.role == Role::kOnlooker) {
    if (!std::filesystem::exists(path(), error))
      return Unavailable("there is no event store at " + path(), "Name the data directory of the server.");
  } else {
    const bool made = std::filesystem::create_directories(options.directory, error);
    if (error) return DiskError("the data directory " + options.directory + " cannot be made", error.value());
    // It holds what customers said: nobody else's business.
    if (made) std::filesystem::permissions(options.directory, std::filesystem::perms::owner_all, error);
  }
  std::optional<Membership> joined;
  if (options.role != Role::kOnlooker) {
    const auto kind = options.role == Role::kServer ? MemberKind::kServer : MemberKind::kConsumer;
    auto taken = Membership::Join(options.directory + "/" + options.name + ".members", kind, [this] {
      const std::lock_guard guard(mutex);
      return stopping;
    });
    if (!taken) return taken.error();
    joined = std::move(*taken);
  }
  auto opened = Database::Open(path(), Database::Mode::kReadWrite);
  if (!opened) return opened.error();
  if (Status prepared = PrepareSchema(*opened); !prepared.ok()) return prepared.error();
  std::vector<StoredEvent> unfinished;
  if (joined) {
    auto left = TakeWhatIsLeft(*opened, *joined);
    if (!left) return left.error();
    unfinished = std::move(*left);
    joined->OpenDoor();
    member = joined->number();
    membership = std::move(joined);
  }
  database = std::move(*opened);
  return unfinished;
}

Result<std::vector<StoredEvent>> Store::Impl::TakeWhatIsLeft(Database& opened, Membership& joined) {
  bool knows_nothing = false;
  if (hooks->ids != nullptr) {
    auto fresh = hooks->ids->Join(joined.number(), joined.alone());
    if (!fresh) return fresh.error();
    knows_nothing = *fresh;
  }
  if (knows_nothing) {
    const std::int64_t oldest_ms = clock.WallMs() - options.retention.done_ms;
    Status restored = ReadIds(opened, oldest_ms, [this](const RememberedId& id) { hooks->ids->Restore(id); });
    if (!restored.ok()) return restored.error();
    hooks->ids->Restored();
  }
  std::vector<int> gone;
  if (options.role == Role::kServer) gone = joined.TakeDead();
  if (joined.left_work()) gone.push_back(joined.number());
  // Whoever is alone need not believe the file of members: what is unfinished is nobody else's.
  const bool all = options.role == Role::kServer && joined.alone();
  if (gone.empty() && !all) return std::vector<StoredEvent>();

  const auto is_gone = [&gone, all](int number) {
    return all || std::ranges::find(gone, number) != gone.end();
  };
  auto estate = ReadEstate(opened, is_gone, joined.number());
  if (!estate) return estate.error();
  if (hooks->ids != nullptr) {
    for (const int number : gone) hooks->ids->TakeOver(number, estate->ids);
  }
  if (Status begun = opened.Execute("BEGIN IMMEDIATE"); !begun.ok()) return begun.error();
  Status inherited = Inherit(opened, *estate, gone, joined.number());
  if (inherited.ok()) inherited = opened.Execute("COMMIT");
  if (!inherited.ok()) {
    if (opened.in_transaction()) (void)opened.Execute("ROLLBACK");
    return inherited.error();
  }
  for (const int number : gone) {
    if (number != joined.number()) joined.Release(number);
  }
  return std::move(estate->unfinished);
}

Status Store::Impl::Commit(std::vector<std::unique_ptr<Write>>& batch) {
  if (!database) return Unavailable("the event store is not open");
  if (Status begun = database->Execute("BEGIN IMMEDIATE"); !begun.ok()) return begun;
  for (const auto& write : batch) {
    Status applied = write->Apply(*database);
    if (applied.ok()) continue;
    if (database->in_transaction()) (void)database->Execute("ROLLBACK");
    return applied;
  }
  if (sweeping) Sweep();
  Status committed = database->Execute("COMMIT");
  if (!committed.ok() && database->in_transaction()) (void)database->Execute("ROLLBACK");
  if (!committed.ok()) return committed;
  checkpointer.OnCommit(database->wal_pages());
  // A failure here is one of the disk, which the next commit will meet.
  if (checkpointer.ShouldFinish()) (void)database->Checkpoint();
  return committed;
}

// In a transaction that is under way: one sync for both. What fails here is tried again an interval later,
// and fails nothing else.
void Store::Impl::Sweep() {
  if (Status begun = database->Execute("SAVEPOINT sweep"); !begun.ok()) return;
  const auto more = retention.Step(*database, clock.WallMs(), kSweepRows);
  sweeping = more.ok() && *more;
  (void)database->Execute(more.ok() ? "RELEASE sweep" : "ROLLBACK TO sweep; RELEASE sweep");
}

// What is to be done now and then. How long until the next time.
SteadyClock::duration Store::Impl::Tend() {
  if (options.role == Role::kConsumer) {
    LookForChanges();
    return std::chrono::milliseconds(options.tend_interval_ms);
  }
  std::vector<int> finished;
  std::vector<int> dead;
  {
    const std::lock_guard guard(mutex);
    finished = std::exchange(inherited_from, {});
    dead = std::exchange(to_take_over, {});
  }
  for (const int number : finished) membership->Release(number);
  std::ranges::copy(membership->TakeDead(), std::back_inserter(dead));
  for (const int number : dead) TakeOver(number);

  if (membership->IsCaretaker() && database->Execute("BEGIN IMMEDIATE").ok()) {
    Sweep();
    if (!database->Execute("COMMIT").ok() && database->in_transaction()) (void)database->Execute("ROLLBACK");
    checkpointer.OnCommit(database->wal_pages());
  }
  return sweeping ? kSweepPause : std::chrono::milliseconds(options.tend_interval_ms);
}

void Store::Impl::LookForChanges() {
  // SQLite counts what other connections have committed (sqlite.org/pragma.html#pragma_data_version).
  auto query = database->Prepare("PRAGMA data_version");
  if (!query.ok()) return;
  const auto row = query->Next();
  if (!row.ok() || std::exchange(data_version, query->Integer(0)) == query->Integer(0) || !hooks->changed)
    return;
  post([posted_hooks = hooks] { posted_hooks->changed(); });
}

void Store::Impl::TakeOver(int dead) {
  SubmitJob([this, dead](Result<Database>& reader_or) {
    const auto is_dead = [dead](int number) { return number == dead; };
    auto estate =
        reader_or.ok() ? ReadEstate(*reader_or, is_dead, member) : Result<Estate>(reader_or.error());
    if (!estate.ok()) {
      const std::lock_guard guard(mutex);
      return to_take_over.push_back(dead);
    }
    if (hooks->ids != nullptr) hooks->ids->TakeOver(dead, estate->ids);
    const auto taken = std::make_shared<Estate>(std::move(*estate));
    Submit<std::monostate>(
        true, [this, taken, dead](Database& writer) { return Inherit(writer, *taken, {dead}, member); },
        [weak = weak_from_this(), posted_hooks = hooks, taken, dead](Status inherited) {
          if (const auto self = weak.lock()) {
            const std::lock_guard guard(self->mutex);
            (inherited.ok() ? self->inherited_from : self->to_take_over).push_back(dead);
          }
          if (inherited.ok() && !taken->unfinished.empty() && posted_hooks->inherited) {
            posted_hooks->inherited(std::move(taken->unfinished));
          }
        });
  });
}

// A sync costs about the same for one event and for fifty: under load, let some gather. But when they have
// stopped coming, whoever else there is waits for an answer first.
void Store::Impl::Gather(std::unique_lock<std::mutex>& guard, SteadyClock::time_point end) {
  const auto is_enough = [this] { return stopping || waiting.size() >= kFullGroup; };
  std::size_t before = waiting.size();
  for (int look = 0; look < kLooks; ++look) {
    const auto next = SteadyClock::now() + kLookPause;
    if (next >= end) break;
    if (wake_writer.wait_until(guard, next, is_enough)) return;
    if (waiting.size() == before) return;
    before = waiting.size();
  }
  wake_writer.wait_until(guard, end, is_enough);
}

void Store::Impl::RunWriter() {
  NameThisThread("trunk-store");
  std::size_t last_urgent = 0;
  bool last_commit_ok = true;
  SteadyClock::time_point last_commit{};
  SteadyClock::time_point next_tend{};
  std::unique_lock guard(mutex);
  for (;;) {
    const auto has_work = [this] { return stopping || open_request || urgent_waiting > 0; };
    if (waiting.empty()) {
      const auto any_work = [&] { return has_work() || !waiting.empty(); };
      if (membership) {
        wake_writer.wait_until(guard, next_tend, any_work);
      } else {
        wake_writer.wait(guard, any_work);
      }
    }
    if (membership && !stopping && SteadyClock::now() >= next_tend) {
      guard.unlock();
      const auto pause = Tend();
      next_tend = SteadyClock::now() + pause;
      guard.lock();
      if (waiting.empty() && !has_work()) continue;
    }
    if (!has_work()) wake_writer.wait_for(guard, kLazyDelay, has_work);

    if (open_request) {
      const auto request = std::make_shared<Callback<std::vector<StoredEvent>>>(std::move(*open_request));
      open_request.reset();
      guard.unlock();
      const auto opened = std::make_shared<Result<std::vector<StoredEvent>>>(OpenHere());
      post([request, opened] { (*request)(std::move(*opened)); });
      guard.lock();
      continue;
    }
    if (!stopping && last_urgent >= kCrowd) {
      Gather(guard, last_commit + std::chrono::milliseconds(options.group_window_ms));
    }
    if (waiting.empty()) {
      if (!stopping) continue;
      if (nothing_left && last_commit_ok && membership) membership->Leave();
      return;
    }
    auto batch = std::make_shared<std::vector<std::unique_ptr<Write>>>(std::move(waiting));
    waiting.clear();
    last_urgent = std::exchange(urgent_waiting, 0);
    guard.unlock();
    last_commit = SteadyClock::now();
    const auto durable = std::make_shared<Status>(Commit(*batch));
    last_commit_ok = durable->ok();
    post([batch, durable] {
      for (const auto& write : *batch) write->Finish(*durable);
    });
    guard.lock();
  }
}

void Store::Impl::RunReader() {
  NameThisThread("trunk-reader");
  std::optional<Database> connection;
  std::unique_lock guard(mutex);
  for (;;) {
    wake_reader.wait(guard, [this] { return stopping || !reads.empty(); });
    std::vector<Job> batch = std::move(reads);
    reads.clear();
    if (stopping) {
      guard.unlock();
      Result<Database> closed = ClosedError();
      for (const Job& read : batch) read(closed);  // somebody waits for each of them
      return;
    }
    guard.unlock();
    Result<Database> database_or = connection ? Result<Database>(std::move(*connection))
                                              : Database::Open(path(), Database::Mode::kReadOnly);
    for (const Job& read : batch) read(database_or);
    connection.reset();
    if (database_or.ok()) connection = std::move(*database_or);
    guard.lock();
  }
}

Store::Store(StoreOptions options, const Clock& clock, Post post, StoreHooks hooks)
    : impl_(std::make_shared<Impl>(std::move(options), clock, std::move(post), std::move(hooks))) {
  impl_->writer = std::thread([this] { impl_->RunWriter(); });
}

Store::~Store() {
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake_writer.notify_one();
  impl_->wake_reader.notify_one();
  impl_->writer.join();
  if (impl_->reader.joinable()) impl_->reader.join();
}

void Store::Open(Callback<std::vector<StoredEvent>> callback) {
  const std::lock_guard guard(impl_->mutex);
  impl_->open_request = std::move(callback);
  impl_->wake_writer.notify_one();
}

void Store::NothingLeft() {
  const std::lock_guard guard(impl_->mutex);
  impl_->nothing_left = true;
}

void Store::Append(StoredEvent event, Callback<StoredEvent> callback) {
  impl_->Submit(std::make_unique<AppendEvent>(std::move(event), EventState::kUnfinished, impl_->member,
                                              impl_->clock, std::move(callback)));
}

void Store::Put(StoredEvent message, Callback<StoredEvent> callback) {
  impl_->Submit(std::make_unique<AppendEvent>(std::move(message), EventState::kDone, impl_->member,
                                              impl_->clock, std::move(callback)));
}

void Store::MarkPublished(std::int64_t seq, std::int64_t at, Recorded callback) {
  impl_->Submit<std::monostate>(
      false, [seq, at](Database& database) { return SetPublished(database, seq, at); }, std::move(callback));
}

void Store::MarkDone(std::int64_t seq, Recorded callback) {
  impl_->Submit<std::monostate>(
      false, [seq](Database& database) { return SetOutcome(database, seq, EventState::kDone); },
      std::move(callback));
}

void Store::Bury(DeadLetter letter, Recorded callback) {
  impl_->Submit<std::monostate>(
      true,
      [letter = std::move(letter)](Database& database) -> Status {
        if (Status set = SetOutcome(database, letter.seq, EventState::kDead); !set.ok()) return set;
        return InsertDeadLetter(database, letter);
      },
      std::move(callback));
}

void Store::Reopen(std::int64_t seq, bool from_start, Callback<bool> callback) {
  impl_->Submit<bool>(
      true,
      [impl = impl_.get(), seq, from_start](Database& database) {
        return ReopenEvent(database, seq, impl->member, from_start, impl->clock.WallMs());
      },
      std::move(callback));
}

void Store::Find(std::string event_id, Callback<std::optional<FoundEvent>> callback) {
  impl_->Read<std::optional<FoundEvent>>(
      [event_id = std::move(event_id)](Database& database) { return FindEvent(database, event_id); },
      std::move(callback));
}

void Store::PutNote(std::string key, std::string value, std::int64_t lifetime_ms, Recorded callback) {
  impl_->Submit<std::monostate>(
      true,
      [impl = impl_.get(), key = std::move(key), value = std::move(value), lifetime_ms](Database& database) {
        return store::PutNote(database, key, value, impl->clock.WallMs() + lifetime_ms);
      },
      std::move(callback));
}

void Store::FindNote(std::string key, Callback<std::optional<std::string>> callback) {
  impl_->Read<std::optional<std::string>>(
      [impl = impl_.get(), key = std::move(key)](Database& database) {
        return store::FindNote(database, key, impl->clock.WallMs());
      },
      std::move(callback));
}

void Store::DeadLetters(DeadLetterFilter filter, Callback<std::vector<DeadLetter>> callback) {
  impl_->Read<std::vector<DeadLetter>>(
      [filter = std::move(filter)](Database& database) { return ReadDeadLetters(database, filter); },
      std::move(callback));
}

void Store::Purge(DeadLetterFilter filter, Callback<std::int64_t> callback) {
  impl_->Submit<std::int64_t>(
      true, [filter = std::move(filter)](Database& database) { return PurgeDeadLetters(database, filter); },
      std::move(callback));
}

void Store::Take(std::string queue, int limit, std::int64_t visible_ms, Callback<TakenMessages> callback) {
  impl_->Submit<TakenMessages>(
      true,
      [impl = impl_.get(), queue = std::move(queue), limit, visible_ms](Database& database) {
        const std::int64_t now_ms = impl->clock.WallMs();
        return TakeMessages(database, queue, limit, impl->member, now_ms, now_ms + visible_ms);
      },
      std::move(callback));
}

void Store::Ack(std::int64_t seq, int deliveries, Recorded callback) {
  impl_->Submit<std::monostate>(
      false, [seq, deliveries](Database& database) { return AckMessage(database, seq, deliveries); },
      std::move(callback));
}

void Store::Nack(std::int64_t seq, int deliveries, std::int64_t delay_ms, Try failed, Recorded callback) {
  impl_->Submit<std::monostate>(
      false,
      [impl = impl_.get(), seq, deliveries, delay_ms, failed = std::move(failed)](Database& database) {
        return NackMessage(database, seq, deliveries, impl->clock.WallMs() + delay_ms, failed);
      },
      std::move(callback));
}

void Store::BuryMessage(DeadLetter letter, int deliveries, Callback<bool> callback) {
  impl_->Submit<bool>(
      true,
      [letter = std::move(letter), deliveries](Database& database) {
        return store::BuryMessage(database, letter, deliveries);
      },
      std::move(callback));
}

void Store::Requeue(std::int64_t seq, Callback<bool> callback) {
  impl_->Submit<bool>(
      true,
      [impl = impl_.get(), seq](Database& database) {
        return RequeueMessage(database, seq, impl->clock.WallMs());
      },
      std::move(callback));
}

void Store::QueueDepths(Callback<std::vector<QueueDepth>> callback) {
  impl_->Read<std::vector<QueueDepth>>(ReadQueueDepths, std::move(callback));
}

}  // namespace trunkline::store
