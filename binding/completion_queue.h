// The way back: from the engine thread to the JavaScript thread of one environment, many completions to a
// wake-up.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace trunkline::binding {

class CompletionQueue : public std::enable_shared_from_this<CompletionQueue> {
 public:
  // Runs on the JavaScript thread, within a handle scope. It captures no object that must die on that thread:
  // a completion that comes too late for its environment is destroyed wherever it is.
  using Completion = std::function<void(Napi::Env)>;

  // JavaScript thread. The queue alone does not keep the process alive.
  static std::shared_ptr<CompletionQueue> Create(Napi::Env env);

  // Any thread. Dropped when the environment is going.
  void Post(Completion completion);

  // While anybody holds the queue, the event loop stays alive. JavaScript thread.
  void Hold();
  void LetGo();

  // The environment is going: nothing is run from here on. JavaScript thread; to be called before Node's own
  // clean-up of the thread-safe function, which is why Environment registers its hook after this queue
  // exists.
  void Close();

 private:
  CompletionQueue() = default;
  void Drain(Napi::Env env);

  std::mutex mutex_;
  std::vector<Completion> waiting_;
  bool closed_ = false;
  napi_threadsafe_function wake_ = nullptr;
  std::size_t holders_ = 0;
  napi_env env_ = nullptr;
};

}  // namespace trunkline::binding
