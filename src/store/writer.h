// The thread that writes: it takes everything that is waiting, writes it in one transaction, syncs once, and
// answers all (group commit). Beside that it tends the file, and deletes what is too old.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "store/checkpointer.h"
#include "store/database.h"
#include "store/member.h"
#include "store/options.h"
#include "store/retention.h"
#include "store/write_queue.h"

namespace trunkline::store {

class Writer {
 public:
  // Starts the thread, which works on the queue until that is stopped.
  Writer(const StoreOptions& options, const Clock& clock, Post post, WriteQueue& queue);
  // After the queue's Stop: waits until what lay there is written.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // On the thread itself: from now on this is where it writes; before, every write fails. `member` is null
  // for an onlooker.
  void Begin(Database database, std::unique_ptr<Member> member);

  // Any thread. At its end, nothing is left behind for other members, if the last commit has succeeded.
  void NothingLeft() { nothing_left_ = true; }

 private:
  void Run();
  void WriteAll(WriteQueue::Batch taken);
  Status Commit(const WriteQueue::Batch& batch, bool sweep);
  void Tend();

  const std::chrono::milliseconds tend_interval_;
  const Clock& clock_;
  const Post post_;
  WriteQueue& queue_;
  std::atomic<bool> nothing_left_{false};

  // The thread's own.
  std::unique_ptr<Member> member_;  // goes after the database
  std::optional<Database> database_;
  Retention retention_;
  std::optional<WriteQueue::TimePoint> tend_at_;
  bool last_commit_ok_ = true;

  Checkpointer checkpointer_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace trunkline::store
