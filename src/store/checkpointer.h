// Copies the write-ahead log into the database file (sqlite.org/wal.html), on a thread of its own: on the
// writer's, a commit would now and then wait for the copying of thousands of pages.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "store/database.h"

namespace trunkline::store {

class Checkpointer {
 public:
  explicit Checkpointer(std::string path) : path_(std::move(path)) {}
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // After a commit: the log has so many pages now. Any thread.
  void OnCommit(int wal_pages);

  // True once, when what the last round left is so little that the writer is to copy it itself: only when the
  // whole log has been copied, and nothing is written meanwhile, does the next commit begin it anew.
  bool ShouldFinish() { return finish_.exchange(false); }

 private:
  void Run();

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;
  bool stopping_ = false;
  std::atomic<bool> finish_{false};
  std::thread thread_;  // started when it is first needed
};

}  // namespace trunkline::store
