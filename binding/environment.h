// What belongs to one JavaScript environment (the main thread or a worker): no state of the addon is
// process-wide but the engine.
#pragma once

#include <napi.h>

#include <memory>
#include <unordered_set>

#include "completion_queue.h"
#include "engine/engine.h"
#include "engine/preflight_service.h"

namespace trunkline::binding {

// An object that has work on the engine, and gives it up when its environment goes.
class EngineUser {
 public:
  virtual void Abandon() = 0;

 protected:
  ~EngineUser() = default;
};

class Environment {
 public:
  static void Install(Napi::Env env);
  static Environment& Of(Napi::Env env);

  explicit Environment(Napi::Env env);
  ~Environment();

  // The engine, started by the first that asks. Throws when it cannot start.
  std::shared_ptr<engine::Engine> engine();
  // Made by the first that asks, under the same condition.
  engine::PreflightService& preflights();
  const std::shared_ptr<CompletionQueue>& completions() const { return completions_; }

  void Register(EngineUser& user) { users_.insert(&user); }
  void Unregister(EngineUser& user) { users_.erase(&user); }

  // Drops what is under way, which is on disk. Called when the environment ends: by Node's clean-up hook, and
  // before that by lib/native.js at the 'exit' event, because process.exit() in the main thread runs no hooks
  // but takes libuv's thread pool away: an engine that used the pool after that would abort the process. What
  // it starts is done when it returns: engine jobs take microseconds and a last commit milliseconds, and so
  // nothing of this environment is left for a later turn that a dying loop might not give.
  void TearDown();

  // The class of lib/errors.js, of which every error made here is an instance.
  Napi::FunctionReference error_class;

  // The function of lib/settlements.js that takes results: see completion_queue.h.
  Napi::FunctionReference settle;
  Napi::FunctionReference drain_soon;  // calls `drain` in the loop's next turn

 private:
  Napi::Env env_;
  std::shared_ptr<CompletionQueue> completions_;
  std::shared_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::PreflightService> preflights_;
  std::unordered_set<EngineUser*> users_;
};

}  // namespace trunkline::binding
