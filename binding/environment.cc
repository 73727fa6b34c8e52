#include "environment.h"

#include <utility>

#include "convert.h"

namespace trunkline::binding {

void Environment::Install(Napi::Env env) { env.SetInstanceData(new Environment(env)); }

Environment& Environment::Of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

Environment::Environment(Napi::Env env) : env_(env), completions_(CompletionQueue::Create(env)) {
  // After the queue's function, since hooks run in reverse order: see CompletionQueue::Close.
  napi_add_env_cleanup_hook(
      env, [](void* self) { static_cast<Environment*>(self)->TearDown(); }, this);
}

Environment::~Environment() = default;

void Environment::TearDown() {
  completions_->Close();
  for (EngineUser* user : std::exchange(users_, {})) user->Abandon();
  preflights_.reset();
  engine_.reset();
}

std::shared_ptr<engine::Engine> Environment::engine() {
  if (!engine_) {
    auto acquired = engine::Engine::Acquire();
    if (!acquired) throw ToJsError(env_, acquired.error());
    engine_ = std::move(*acquired);
  }
  return engine_;
}

engine::PreflightService& Environment::preflights() {
  if (!preflights_) preflights_ = std::make_unique<engine::PreflightService>(engine());
  return *preflights_;
}

}  // namespace trunkline::binding
