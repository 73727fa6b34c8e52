#include "store/checkpointer.h"

#include <optional>

#include "base/thread_name.h"

namespace trunkline::store {
namespace {

constexpr int kWantedPages = 2000;  // 8 MiB
constexpr int kFewPages = 100;      // as much as a commit may copy on the side
constexpr int kMostRounds = 8;      // each leaves what was written during it, which is less every time

}  // namespace

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::OnCommit(int wal_pages) {
  if (wal_pages < kWantedPages) return;
  const std::lock_guard guard(mutex_);
  if (wanted_ || stopping_) return;
  wanted_ = true;
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  wake_.notify_one();
}

void Checkpointer::Run() {
  NameThisThread("trunk-wal");
  std::optional<Database> database;
  std::unique_lock guard(mutex_);
  for (;;) {
    wake_.wait(guard, [this] { return stopping_ || wanted_; });
    if (stopping_) return;
    guard.unlock();
    if (!database) {
      if (auto opened = Database::Open(path_, Database::Mode::kReadWrite); opened.ok())
        database = std::move(*opened);
    }
    for (int round = 0; database && round < kMostRounds; ++round) {
      const auto left = database->Checkpoint();
      if (!left.ok()) {
        database.reset();  // a disk that fails is the writer's to report; the next round opens anew
        break;
      }
      if (*left > kFewPages) continue;
      finish_ = true;
      break;
    }
    guard.lock();
    wanted_ = false;
  }
}

}  // namespace trunkline::store
