#include "store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/thread_name.h"
#include "store/database.h"
#include "store/schema.h"

namespace trunkline::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kLazyDelay =
    std::chrono::milliseconds(10);  // how long a write that nobody waits for may wait for company
constexpr std::size_t kCrowd =
    4;  // this many urgent writes in one commit mean load: the next ones are gathered
constexpr std::size_t kFullGroup = 512;  // enough to commit without gathering on

Error Unavailable(std::string message, std::string hint = {}) {
  return {.code = ErrorCode::kStoreUnavailable, .message = std::move(message), .hint = std::move(hint)};
}

Error ClosedError() { return {.code = ErrorCode::kClosed, .message = "the event store is closed"}; }

// One write, applied in a transaction together with others.
class Write {
 public:
  explicit Write(bool is_urgent) : urgent(is_urgent) {}
  virtual ~Write() = default;
  virtual Status Apply(Database& database) = 0;
  virtual void Finish(Status durable) = 0;  // through `post`
  const bool urgent;                        // is somebody waiting for it?
};

class AppendEvent final : public Write {
 public:
  AppendEvent(StoredEvent event, const Clock& clock, Store::Callback<StoredEvent> callback)
      : Write(true), event_(std::move(event)), clock_(clock), callback_(std::move(callback)) {}

  Status Apply(Database& database) override {
    auto insert = database.Prepare(
        "INSERT INTO events (event_id, intent, step, received_at, queue, published_at, idempotency_key, "
        "payload) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    if (!insert) return insert.error();
    insert->Bind(1, event_.event_id).Bind(2, event_.intent).Bind(3, event_.step).Bind(4, event_.received_at);
    if (!event_.queue.empty()) {
      event_.published_at = clock_.WallMs();
      insert->Bind(5, event_.queue).Bind(6, event_.published_at);
    }
    insert->Bind(7, event_.idempotency_key).Bind(8, AsBytes(event_.payload));
    if (Status done = insert->Run(); !done.ok()) return done;
    event_.seq = database.last_insert_rowid();
    return Ok();
  }

  void Finish(Status durable) override {
    if (!durable.ok()) return callback_(std::move(durable.error()));
    event_.payload = {};
    callback_(std::move(event_));
  }

 private:
  StoredEvent event_;
  const Clock& clock_;
  Store::Callback<StoredEvent> callback_;
};

Status SetOutcome(Database& database, std::int64_t seq, EventState state) {
  auto insert = database.Prepare("INSERT OR REPLACE INTO outcomes (event, state) VALUES (?1, ?2)");
  if (!insert) return insert.error();
  return insert->Bind(1, seq).Bind(2, static_cast<std::int64_t>(state)).Run();
}

Status DeleteBySeq(Database& database, std::string_view sql, std::int64_t seq) {
  auto remove = database.Prepare(sql);
  if (!remove) return remove.error();
  return remove->Bind(1, seq).Run();
}

Status DeleteDeadLetter(Database& database, std::int64_t seq) {
  for (const char* sql :
       {"DELETE FROM dead_letters WHERE event = ?1", "DELETE FROM tries WHERE event = ?1"}) {
    if (Status deleted = DeleteBySeq(database, sql, seq); !deleted.ok()) return deleted;
  }
  return Ok();
}

class MarkEventDone final : public Write {
 public:
  MarkEventDone(std::int64_t seq, Store::Recorded callback)
      : Write(false), seq_(seq), callback_(std::move(callback)) {}

  Status Apply(Database& database) override { return SetOutcome(database, seq_, EventState::kDone); }

  void Finish(Status durable) override {
    if (callback_) callback_(std::move(durable));
  }

 private:
  std::int64_t seq_;
  Store::Recorded callback_;
};

class BuryEvent final : public Write {
 public:
  BuryEvent(DeadLetter letter, Store::Recorded callback)
      : Write(true), letter_(std::move(letter)), callback_(std::move(callback)) {}

  Status Apply(Database& database) override {
    if (Status set = SetOutcome(database, letter_.seq, EventState::kDead); !set.ok()) return set;
    if (Status cleared = DeleteDeadLetter(database, letter_.seq); !cleared.ok()) return cleared;
    auto insert = database.Prepare(
        "INSERT INTO dead_letters (event, event_id, step, code, status, error, failed_at) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    if (!insert) return insert.error();
    insert->Bind(1, letter_.seq).Bind(2, letter_.event_id).Bind(3, letter_.step).Bind(4, letter_.code);
    insert->Bind(5, letter_.status).Bind(6, letter_.error).Bind(7, letter_.failed_at);
    if (Status done = insert->Run(); !done.ok()) return done;
    for (std::size_t number = 0; number < letter_.tries.size(); ++number) {
      auto add = database.Prepare(
          "INSERT INTO tries (event, number, at, code, status, duration_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
      if (!add) return add.error();
      const Try& one = letter_.tries[number];
      add->Bind(1, letter_.seq)
          .Bind(2, static_cast<std::int64_t>(number) + 1)
          .Bind(3, one.at)
          .Bind(4, one.code);
      if (Status added = add->Bind(5, one.status).Bind(6, one.duration_ms).Run(); !added.ok()) return added;
    }
    return Ok();
  }

  void Finish(Status durable) override {
    if (callback_) callback_(std::move(durable));
  }

 private:
  DeadLetter letter_;
  Store::Recorded callback_;
};

class ReopenEvent final : public Write {
 public:
  ReopenEvent(std::int64_t seq, bool republish, Store::Recorded callback)
      : Write(true), seq_(seq), republish_(republish), callback_(std::move(callback)) {}

  Status Apply(Database& database) override {
    if (Status deleted = DeleteBySeq(database, "DELETE FROM outcomes WHERE event = ?1", seq_); !deleted.ok())
      return deleted;
    if (Status deleted = DeleteDeadLetter(database, seq_); !deleted.ok() || !republish_) return deleted;
    auto insert = database.Prepare("INSERT OR IGNORE INTO republished (event) VALUES (?1)");
    if (!insert) return insert.error();
    return insert->Bind(1, seq_).Run();
  }

  void Finish(Status durable) override {
    if (callback_) callback_(std::move(durable));
  }

 private:
  std::int64_t seq_;
  bool republish_;
  Store::Recorded callback_;
};

// Writes nothing: its end says that everything submitted before it is on disk.
class Barrier final : public Write {
 public:
  explicit Barrier(Store::Recorded callback) : Write(true), callback_(std::move(callback)) {}
  Status Apply(Database&) override { return Ok(); }
  void Finish(Status durable) override { callback_(std::move(durable)); }

 private:
  Store::Recorded callback_;
};

constexpr std::string_view kEventColumns =
    "seq, event_id, intent, step, received_at, queue, published_at, idempotency_key, payload";

StoredEvent ReadEvent(const Statement& row) {
  return {.seq = row.Integer(0),
          .event_id = row.Text(1),
          .intent = row.Text(2),
          .step = static_cast<int>(row.Integer(3)),
          .received_at = row.Integer(4),
          .queue = row.Text(5),
          .published_at = row.Integer(6),
          .idempotency_key = row.Text(7),
          .payload = row.Blob(8)};
}

// One pass over what is there: finished events give their ids to the ring, unfinished ones go on.
Result<Recovery> ReadRecovery(Database& database, std::int64_t oldest_id_ms) {
  Recovery recovery;
  static const std::string sql = "SELECT " + std::string(kEventColumns) +
                                 ", state FROM events LEFT JOIN outcomes ON outcomes.event = events.seq "
                                 "WHERE state IS NULL OR received_at >= ?1 ORDER BY seq";
  auto query = database.Prepare(sql);
  if (!query) return query.error();
  query->Bind(1, oldest_id_ms);
  for (;;) {
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return recovery;
    const bool finished = !query->IsNull(9);
    recovery.ids.push_back({query->Text(1), finished, query->Integer(4)});
    if (!finished) recovery.unfinished.push_back(ReadEvent(*query));
  }
}

Result<std::optional<FoundEvent>> FindEvent(Database& database, const std::string& event_id) {
  // A dead letter is found by its index; anything else by a scan from the newest on, which only a replay by
  // hand pays for.
  static const std::string dead_sql = "SELECT " + std::string(kEventColumns) +
                                      ", state FROM events JOIN outcomes ON outcomes.event = events.seq "
                                      "WHERE seq = (SELECT max(event) FROM dead_letters WHERE event_id = ?1)";
  static const std::string scan_sql = "SELECT " + std::string(kEventColumns) +
                                      ", state FROM events LEFT JOIN outcomes ON outcomes.event = events.seq "
                                      "WHERE event_id = ?1 ORDER BY seq DESC LIMIT 1";
  for (const std::string* sql : {&dead_sql, &scan_sql}) {
    auto query = database.Prepare(*sql);
    if (!query) return query.error();
    query->Bind(1, event_id);
    auto row = query->Next();
    if (!row) return row.error();
    if (*row)
      return std::optional<FoundEvent>({ReadEvent(*query), static_cast<EventState>(query->Integer(9))});
  }
  return std::optional<FoundEvent>();
}

Result<std::vector<Try>> ReadTries(Database& database, std::int64_t seq) {
  std::vector<Try> tries;
  auto query =
      database.Prepare("SELECT at, code, status, duration_ms FROM tries WHERE event = ?1 ORDER BY number");
  if (!query) return query.error();
  query->Bind(1, seq);
  for (;;) {
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return tries;
    tries.push_back({.at = query->Integer(0),
                     .code = query->Text(1),
                     .status = static_cast<int>(query->Integer(2)),
                     .duration_ms = query->Integer(3)});
  }
}

Result<std::vector<DeadLetter>> ReadDeadLetters(Database& database) {
  std::vector<DeadLetter> letters;
  auto query = database.Prepare(
      "SELECT event, event_id, step, code, status, error, failed_at FROM dead_letters ORDER BY failed_at, "
      "event");
  if (!query) return query.error();
  for (;;) {
    auto row = query->Next();
    if (!row) return row.error();
    if (!*row) return letters;
    auto tries = ReadTries(database, query->Integer(0));
    if (!tries) return tries.error();
    letters.push_back({.seq = query->Integer(0),
                       .event_id = query->Text(1),
                       .step = query->Text(2),
                       .code = query->Text(3),
                       .status = static_cast<int>(query->Integer(4)),
                       .error = query->Text(5),
                       .tries = std::move(*tries),
                       .failed_at = query->Integer(6)});
  }
}

// The exclusive hold on a data directory, released with the object or the process.
class DirectoryLock {
 public:
  static Result<DirectoryLock> Take(const std::string& directory) {
    const std::string path = directory + "/lock";
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
      return Unavailable("the data directory " + directory + " cannot be written: " + std::strerror(errno));
    }
    DirectoryLock lock(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      return Unavailable("the data directory " + directory + " is in use",
                         "Another server works there. Stop it, or give this one a directory of its own.");
    }
    return lock;
  }
  DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~DirectoryLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace

struct Store::Impl : std::enable_shared_from_this<Store::Impl> {
  Impl(StoreOptions store_options, const Clock& store_clock, Post store_post)
      : options(std::move(store_options)), clock(store_clock), post(std::move(store_post)) {}

  using Job = std::function<void(Result<Database>&)>;  // runs on the reader

  void Submit(std::unique_ptr<Write> write);
  // Reads once everything submitted before is on disk.
  template <typename T>
  void Read(std::function<Result<T>(Database&)> query, Callback<T> callback);
  void SubmitJob(Job job);
  void RunWriter();
  void RunReader();
  Result<Recovery> OpenHere();
  Status Commit(std::vector<std::unique_ptr<Write>>& batch);
  std::string path() const { return options.directory + "/events.db"; }

  const StoreOptions options;
  const Clock& clock;
  const Post post;

  std::mutex mutex;
  std::condition_variable wake_writer;
  std::condition_variable wake_reader;
  bool stopping = false;
  std::vector<std::unique_ptr<Write>> waiting;
  std::size_t urgent_waiting = 0;
  std::optional<Callback<Recovery>> open_request;
  std::vector<Job> reads;

  // The writer thread's own.
  std::optional<DirectoryLock> lock;
  std::optional<Database> database;

  std::thread writer;
  std::thread reader;  // started by the first read
};

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
  // The barrier's end is posted, and may be run when the store is gone.
  Submit(std::make_unique<Barrier>([weak = weak_from_this(), query = std::move(query),
                                    callback = std::move(callback)](Status written) mutable {
    const auto self = weak.lock();
    if (!self) return callback(ClosedError());
    if (!written.ok()) return callback(std::move(written.error()));
    self->SubmitJob([impl = self.get(), query = std::move(query),
                     callback = std::move(callback)](Result<Database>& reader_or) {
      const auto result =
          std::make_shared<Result<T>>(reader_or.ok() ? query(*reader_or) : Result<T>(reader_or.error()));
      impl->post([callback, result] { callback(std::move(*result)); });
    });
  }));
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

Result<Recovery> Store::Impl::OpenHere() {
  std::error_code error;
  const bool made = std::filesystem::create_directories(options.directory, error);
  if (error)
    return Unavailable("the data directory " + options.directory + " cannot be made: " + error.message());
  // It holds what customers said: nobody else's business.
  if (made) std::filesystem::permissions(options.directory, std::filesystem::perms::owner_all, error);
  auto taken = DirectoryLock::Take(options.directory);
  if (!taken) return taken.error();
  auto opened = Database::Open(path(), Database::Mode::kReadWrite);
  if (!opened) return opened.error();
  if (Status prepared = PrepareSchema(*opened); !prepared.ok()) return prepared.error();
  auto recovery = ReadRecovery(*opened, clock.WallMs() - options.id_ttl_ms);
  if (!recovery) return recovery;
  lock = std::move(*taken);
  database = std::move(*opened);
  return recovery;
}

Status Store::Impl::Commit(std::vector<std::unique_ptr<Write>>& batch) {
  if (!database) return Unavailable("the event store is not open");
  if (Status begun = database->Execute("BEGIN IMMEDIATE"); !begun.ok()) return begun;
  for (const auto& write : batch) {
    Status applied = write->Apply(*database);
    if (applied.ok()) continue;
    // No write is refused for what it says, only because the store cannot take any: so all of them fail
    // together.
    if (database->in_transaction()) (void)database->Execute("ROLLBACK");
    return applied;
  }
  Status committed = database->Execute("COMMIT");
  if (!committed.ok() && database->in_transaction()) (void)database->Execute("ROLLBACK");
  return committed;
}

void Store::Impl::RunWriter() {
  NameThisThread("trunk-store");
  std::size_t last_urgent = 0;
  SteadyClock::time_point last_commit{};
  std::unique_lock guard(mutex);
  for (;;) {
    const auto has_work = [this] { return stopping || open_request || urgent_waiting > 0; };
    if (waiting.empty()) {
      wake_writer.wait(guard, [&] { return has_work() || !waiting.empty(); });
    }
    if (!has_work()) wake_writer.wait_for(guard, kLazyDelay, has_work);

    if (open_request) {
      const auto request = std::make_shared<Callback<Recovery>>(std::move(*open_request));
      open_request.reset();
      guard.unlock();
      const auto opened = std::make_shared<Result<Recovery>>(OpenHere());
      post([request, opened] { (*request)(std::move(*opened)); });
      guard.lock();
      continue;
    }
    if (!stopping && last_urgent >= kCrowd) {
      // A sync costs about the same for one event and for fifty: under load, let some gather.
      wake_writer.wait_until(guard, last_commit + std::chrono::milliseconds(options.group_window_ms),
                             [this] { return stopping || waiting.size() >= kFullGroup; });
    }
    if (waiting.empty()) {
      if (stopping) return;
      continue;
    }
    auto batch = std::make_shared<std::vector<std::unique_ptr<Write>>>(std::move(waiting));
    waiting.clear();
    last_urgent = std::exchange(urgent_waiting, 0);
    guard.unlock();
    last_commit = SteadyClock::now();
    const auto durable = std::make_shared<Status>(Commit(*batch));
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

Store::Store(StoreOptions options, const Clock& clock, Post post)
    : impl_(std::make_shared<Impl>(std::move(options), clock, std::move(post))) {
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

void Store::Open(Callback<Recovery> callback) {
  const std::lock_guard guard(impl_->mutex);
  impl_->open_request = std::move(callback);
  impl_->wake_writer.notify_one();
}

void Store::Append(StoredEvent event, Callback<StoredEvent> callback) {
  impl_->Submit(std::make_unique<AppendEvent>(std::move(event), impl_->clock, std::move(callback)));
}

void Store::MarkDone(std::int64_t seq, Recorded callback) {
  impl_->Submit(std::make_unique<MarkEventDone>(seq, std::move(callback)));
}

void Store::Bury(DeadLetter letter, Recorded callback) {
  impl_->Submit(std::make_unique<BuryEvent>(std::move(letter), std::move(callback)));
}

void Store::Reopen(std::int64_t seq, bool republish, Recorded callback) {
  impl_->Submit(std::make_unique<ReopenEvent>(seq, republish, std::move(callback)));
}

void Store::Find(std::string event_id, Callback<std::optional<FoundEvent>> callback) {
  impl_->Read<std::optional<FoundEvent>>(
      [event_id = std::move(event_id)](Database& database) { return FindEvent(database, event_id); },
      std::move(callback));
}

void Store::DeadLetters(Callback<std::vector<DeadLetter>> callback) {
  impl_->Read<std::vector<DeadLetter>>(ReadDeadLetters, std::move(callback));
}

}  // namespace trunkline::store
