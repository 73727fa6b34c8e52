// The thread that reads, on a connection of its own: a long scan holds up no commit.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/options.h"

namespace trunkline::store {

Error ClosedError();  // what is asked of a store that has ended

// Any thread.
class Reader {
 public:
  using Job = std::function<void(Result<Database>&)>;  // gets the connection, or why there is none

  Reader(std::string path, Post post) : path_(std::move(path)), post_(std::move(post)) {}
  ~Reader() { Stop(); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Runs on the reader's thread; after Stop at once, with CLOSED.
  void Submit(Job job);

  // Posts the answer.
  template <typename T>
  void Read(std::function<Result<T>(Database&)> query, std::function<void(Result<T>)> callback) {
    Submit([this, query = std::move(query), callback = std::move(callback)](Result<Database>& database_or) {
      const auto result = std::make_shared<Result<T>>(database_or.ok() ? query(*database_or)
                                                                       : Result<T>(database_or.error()));
      post_([callback, result] { callback(std::move(*result)); });
    });
  }

  // Waits for the job that is under way; those behind it get CLOSED.
  void Stop();

 private:
  void Run();

  const std::string path_;
  const Post post_;

  std::mutex mutex_;
  std::condition_variable wake_;
  // Under the mutex.
  bool stopping_ = false;
  std::vector<Job> waiting_;
  std::thread thread_;  // started by the first job; joined by Stop, after which nobody starts it
};

}  // namespace trunkline::store
