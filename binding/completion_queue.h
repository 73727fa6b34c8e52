// The way back: from the engine thread to the JavaScript thread of one environment. What is ready when the
// engine's turn ends takes one wake-up, and the results of many promises one call into JavaScript: a call, a
// native promise or an object for each result would cost more than all else on this way.
#pragma once

#include <napi.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace trunkline::binding {

// Results on their way to the promises of lib/settlements.js, which go by number: slots. JavaScript thread.
class Settlements {
 public:
  static constexpr std::size_t kValues =
      5;  // of each result, at most: WIDTH in lib/settlements.js is one more

  // For `count` of them, or more.
  Settlements(Napi::Env env, std::size_t count) : undefined_(env.Undefined()) {
    arguments_.reserve(count * (1 + kValues));
  }
  void Add(Napi::Env env, std::uint32_t slot, std::initializer_list<napi_value> values);
  const std::vector<napi_value>& arguments() const { return arguments_; }

 private:
  napi_value undefined_;
  std::vector<napi_value> arguments_;
};

class CompletionQueue : public std::enable_shared_from_this<CompletionQueue> {
 public:
  // JavaScript thread. The queue alone does not keep the process alive.
  static std::shared_ptr<CompletionQueue> Create(Napi::Env env);

  // `run(Napi::Env, Settlements&)` is called on the JavaScript thread, within a handle scope. It captures no
  // object that must die on that thread: one that comes too late for its environment is destroyed wherever it
  // is. Any thread.
  template <typename Run>
  void Post(Run run) {
    Push(std::make_unique<CompletionOf<Run>>(std::move(run)));
  }

  // While anybody holds the queue, the event loop stays alive. JavaScript thread.
  void Hold();
  void LetGo();

  // Runs what waits, but no more than a turn of Node's loop should take; what is left gets a turn of its own.
  // JavaScript thread.
  void Drain(Napi::Env env);

  // The environment is going: nothing is run from here on. JavaScript thread; to be called before Node's own
  // clean-up of the thread-safe function, which is why Environment registers its hook after this queue
  // exists.
  void Close();

 private:
  struct Completion {
    virtual ~Completion() = default;
    virtual void Run(Napi::Env env, Settlements& settlements) = 0;
  };
  template <typename Function>
  struct CompletionOf final : Completion {
    explicit CompletionOf(Function taken) : function(std::move(taken)) {}
    void Run(Napi::Env env, Settlements& settlements) override { function(env, settlements); }
    Function function;
  };

  CompletionQueue() = default;
  void Push(std::unique_ptr<Completion> completion);
  void Wake();
  void RunSome(Napi::Env env, const std::unique_ptr<Completion>* first,
               const std::unique_ptr<Completion>* last);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Completion>> waiting_;
  bool closed_ = false;
  napi_threadsafe_function wake_ = nullptr;
  std::size_t holders_ = 0;
  napi_env env_ = nullptr;
};

}  // namespace trunkline::binding
