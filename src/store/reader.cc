#include "store/reader.h"

#include <optional>

#include "base/thread_name.h"

namespace trunkline::store {

Error ClosedError() { return {.code = ErrorCode::kClosed, .message = "the event store is closed"}; }

void Reader::Submit(Job job) {
  std::unique_lock guard(mutex_);
  if (stopping_) {
    guard.unlock();
    Result<Database> closed = ClosedError();
    return job(closed);
  }
  waiting_.push_back(std::move(job));
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  wake_.notify_one();
}

void Reader::Stop() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Reader::Run() {
  NameThisThread("trunk-reader");
  std::optional<Database> connection;
  std::unique_lock guard(mutex_);
  for (;;) {
    wake_.wait(guard, [this] { return stopping_ || !waiting_.empty(); });
    std::vector<Job> batch = std::move(waiting_);
    waiting_.clear();
    if (stopping_) {
      guard.unlock();
      Result<Database> closed = ClosedError();
      for (const Job& job : batch) job(closed);  // somebody waits for each of them
      return;
    }
    guard.unlock();
    Result<Database> database_or = connection ? Result<Database>(std::move(*connection))
                                              : Database::Open(path_, Database::Mode::kReadOnly);
    for (const Job& job : batch) job(database_or);
    connection.reset();
    if (database_or.ok()) connection = std::move(*database_or);
    guard.lock();
  }
}

}  // namespace trunkline::store
