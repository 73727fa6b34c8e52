#include "completion_queue.h"

namespace trunkline::binding {

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

void CompletionQueue::Post(Completion completion) {
  // Under the lock, so that Close cannot let Node free the function between the check and the call, which
  // only queues and wakes.
  const std::lock_guard guard(mutex_);
  if (closed_) return;
  waiting_.push_back(std::move(completion));
  if (waiting_.size() == 1) napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

void CompletionQueue::Drain(Napi::Env env) {
  std::vector<Completion> ready;
  {
    const std::lock_guard guard(mutex_);
    ready.swap(waiting_);
  }
  for (Completion& completion : ready) {
    const Napi::HandleScope scope(env);
    try {
      completion(env);
    } catch (const Napi::Error& error) {
      // A user's callback threw: as if it had thrown in a turn of its own. The other completions go on.
      napi_fatal_exception(env, error.Value());
    }
  }
}

void CompletionQueue::Hold() {
  if (holders_++ == 0 && !closed_) napi_ref_threadsafe_function(env_, wake_);
}

void CompletionQueue::LetGo() {
  if (--holders_ == 0 && !closed_) napi_unref_threadsafe_function(env_, wake_);
}

void CompletionQueue::Close() {
  std::vector<Completion> dropped;
  const std::lock_guard guard(mutex_);
  closed_ = true;
  dropped.swap(waiting_);
}

}  // namespace trunkline::binding
