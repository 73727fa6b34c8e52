#include "store/writer.h"

#include <utility>

#include "base/thread_name.h"

namespace trunkline::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kSweepPause = std::chrono::milliseconds(20);  // between steps where nothing else is written

}  // namespace

Writer::Writer(const StoreOptions& options, const Clock& clock, Post post, WriteQueue& queue)
    : tend_interval_(options.tend_interval_ms),
      clock_(clock),
      post_(std::move(post)),
      queue_(queue),
      retention_(options.retention),
      checkpointer_(options.database_path()),
      thread_([this] { Run(); }) {}

Writer::~Writer() { thread_.join(); }

void Writer::Begin(Database database, std::unique_ptr<Member> member) {
  database_ = std::move(database);
  member_ = std::move(member);
  if (member_) tend_at_ = SteadyClock::now();
}

void Writer::Run() {
  NameThisThread("trunk-store");
  for (;;) {
    WriteQueue::Turn turn = queue_.Next(tend_at_);
    switch (turn.what) {
      case WriteQueue::Do::kWrite:
        WriteAll(std::move(turn.batch));
        break;
      case WriteQueue::Do::kRun:
        turn.task();
        break;
      case WriteQueue::Do::kTend:
        Tend();
        break;
      case WriteQueue::Do::kStop:
        if (nothing_left_ && last_commit_ok_ && member_) member_->Leave();
        return;
    }
  }
}

void Writer::WriteAll(WriteQueue::Batch taken) {
  const auto batch = std::make_shared<const WriteQueue::Batch>(std::move(taken));
  const auto durable = std::make_shared<const Status>(Commit(*batch, retention_.has_more()));
  last_commit_ok_ = durable->ok();
  post_([batch, durable] {
    for (const auto& write : *batch) write->Finish(*durable);
  });
}

// `sweep`: goes on with what is too old in the same transaction, one sync for both.
Status Writer::Commit(const WriteQueue::Batch& batch, bool sweep) {
  if (!database_) {
    return Error{.code = ErrorCode::kStoreUnavailable, .message = "the event store is not open"};
  }
  Status committed = database_->Transact([&]() -> Status {
    Transaction transaction{*database_, member_ ? member_->number() : 0, clock_};
    for (const auto& write : batch) {
      if (Status applied = write->Apply(transaction); !applied.ok()) return applied;
    }
    if (sweep) retention_.Sweep(*database_, clock_.WallMs());
    return Ok();
  });
  if (!committed.ok()) return committed;
  checkpointer_.OnCommit(database_->wal_pages());
  // A failure here is one of the disk, which the next commit will meet.
  if (checkpointer_.ShouldFinish()) (void)database_->Checkpoint();
  return committed;
}

void Writer::Tend() {
  member_->Tend(*database_);
  if (member_->IsCaretaker()) (void)Commit({}, true);  // what fails is tried again the next time
  tend_at_ = SteadyClock::now() + (retention_.has_more() ? kSweepPause : tend_interval_);
}

}  // namespace trunkline::store
