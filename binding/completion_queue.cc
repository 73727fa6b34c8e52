#include "completion_queue.h"

#include <algorithm>
#include <iterator>

#include "engine/engine.h"
#include "environment.h"

namespace trunkline::binding {
namespace {

constexpr std::size_t kCallResults = 64;  // of one call into JavaScript: its arguments lie on the stack
// Of one turn of Node's loop: what follows each in JavaScript takes its time too, and timers and sockets want
// theirs.
constexpr std::size_t kTurnResults = 128;

// A function of lib/settlements.js. These throw nothing themselves: if one fails, a worker is being
// terminated in the middle of it, and its promises go too.
void CallJs(const Napi::FunctionReference& function, const std::vector<napi_value>& arguments) {
  try {
    function.Call(arguments);
  } catch (const Napi::Error&) {
  }
}

}  // namespace

void Settlements::Add(Napi::Env env, std::uint32_t slot, std::initializer_list<napi_value> values) {
  arguments_.push_back(Napi::Number::New(env, slot));
  arguments_.insert(arguments_.end(), values);
  arguments_.insert(arguments_.end(), kValues - values.size(), undefined_);
}

std::shared_ptr<CompletionQueue> CompletionQueue::Create(Napi::Env env) {
  std::shared_ptr<CompletionQueue> queue(new CompletionQueue);
  queue->env_ = env;
  // The thread-safe function keeps the queue alive until Node has finalized it.
  auto* context = new std::shared_ptr<CompletionQueue>(queue);
  const napi_status created = napi_create_threadsafe_function(
      env, nullptr, nullptr, Napi::String::New(env, "trunkline completions"), 0, 1, nullptr,
      [](napi_env, void*, void* finalized) {
        delete static_cast<std::shared_ptr<CompletionQueue>*>(finalized);
      },
      context,
      [](napi_env call_env, napi_value, void* called, void*) {
        if (call_env == nullptr) return;  // torn down before the call came through
        (*static_cast<std::shared_ptr<CompletionQueue>*>(called))->Drain(call_env);
      },
      &queue->wake_);
  if (created != napi_ok) {
    delete context;
    throw Napi::Error::New(env, "trunkline: no thread-safe function");
  }
  napi_unref_threadsafe_function(env, queue->wake_);
  return queue;
}

void CompletionQueue::Push(std::unique_ptr<Completion> completion) {
  {
    const std::lock_guard guard(mutex_);
    if (closed_) return;
    waiting_.push_back(std::move(completion));
    if (waiting_.size() > 1) return;  // the first one has seen to the wake-up
  }
  if (engine::Engine* engine = engine::Engine::Current()) {
    engine->AtTurnEnd([self = shared_from_this()] { self->Wake(); });
  } else {
    Wake();
  }
}

void CompletionQueue::Wake() {
  // Under the lock, so that Close cannot let Node free the function between the check and the call, which
  // only queues and wakes.
  const std::lock_guard guard(mutex_);
  if (!closed_) napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

void CompletionQueue::Drain(Napi::Env env) {
  std::vector<std::unique_ptr<Completion>> ready;
  bool more = false;
  {
    const std::lock_guard guard(mutex_);
    ready.swap(waiting_);
    more = ready.size() > kTurnResults;
    if (more) {
      const auto rest = ready.begin() + kTurnResults;
      waiting_.assign(std::make_move_iterator(rest), std::make_move_iterator(ready.end()));
      ready.erase(rest, ready.end());
    }
  }
  for (std::size_t from = 0; from < ready.size(); from += kCallResults) {
    RunSome(env, ready.data() + from, ready.data() + std::min(from + kCallResults, ready.size()));
  }
  if (more) CallJs(Environment::Of(env).drain_soon, {});
}

void CompletionQueue::RunSome(Napi::Env env, const std::unique_ptr<Completion>* first,
                              const std::unique_ptr<Completion>* last) {
  const Napi::HandleScope scope(env);
  Settlements settlements(env, static_cast<std::size_t>(last - first));
  for (; first != last; ++first) {
    try {
      (*first)->Run(env, settlements);
    } catch (const Napi::Error& error) {
      // A user's callback threw: as if it had thrown in a turn of its own. The other completions go on.
      napi_fatal_exception(env, error.Value());
    }
  }
  if (!settlements.arguments().empty()) CallJs(Environment::Of(env).settle, settlements.arguments());
}

void CompletionQueue::Hold() {
  if (holders_++ == 0 && !closed_) napi_ref_threadsafe_function(env_, wake_);
}

void CompletionQueue::LetGo() {
  if (--holders_ == 0 && !closed_) napi_unref_threadsafe_function(env_, wake_);
}

void CompletionQueue::Close() {
  std::vector<std::unique_ptr<Completion>> dropped;
  const std::lock_guard guard(mutex_);
  closed_ = true;
  dropped.swap(waiting_);
}

}  // namespace trunkline::binding
