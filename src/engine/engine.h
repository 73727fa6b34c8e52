// The engine thread: one per process, with a libuv loop of its own. It owns sockets, timers and deliveries;
// nothing on it blocks.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/token_endpoints.h"
#include "net/context.h"
#include "net/tls.h"
#include "oauth/token_cache.h"
#include "retry/timer_wheel.h"

namespace trunkline::engine {

class Engine {
 public:
  // The process's engine; starts it when nobody holds it yet. It stops when the last holder lets go, which
  // must not be on the engine thread itself: jobs capture what they need, never the engine.
  static Result<std::shared_ptr<Engine>> Acquire();
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  using Job = std::function<void()>;

  // The mailbox: runs `job` on the engine thread, in the order of posting. Any thread. Jobs posted once the
  // engine is stopping are dropped.
  void Post(Job job);

  // Runs `job` at the end of the loop's present turn, when all that was ready has been seen to: what many
  // events cause can then be done once. Engine thread only.
  void AtTurnEnd(Job job) { at_turn_end_.push_back(std::move(job)); }

  // The engine whose thread this is, or null.
  static Engine* Current();

  // Posts and waits until the job has run. Not on the engine thread.
  void RunAndWait(const Job& job);

  // Reads the certificates to trust, once for all who trust the same, and not on the engine, which has no
  // milliseconds to spare: `trust` then stands for `trusted_pem`. `option` is how messages call the user's
  // part of them. CONFIG_INVALID when they cannot be read. Any thread but the engine's.
  Status ReadTrust(net::TlsOptions& tls, const std::string& option);

  // What the loop offers to the objects that live on it. Engine thread only.
  net::Context& context() { return context_; }

  // The process's tokens, one per credential whoever asks. Engine thread only.
  oauth::TokenCache& tokens() { return *tokens_; }
  TokenEndpoints& token_endpoints() { return *token_endpoints_; }

 private:
  Engine();
  Status Start();
  void Run();
  void DrainMailbox();
  void AdvanceTimers();
  void EndTurn();
  void ArmTimer();

  std::mutex mutex_;
  std::vector<Job> mailbox_;
  bool stopping_ = false;

  std::mutex trust_mutex_;
  std::string trusted_pem_;  // the last that was read: a program trusts the same everywhere, as a rule
  std::shared_ptr<const net::TlsTrust> trust_;

  std::vector<Job> at_turn_end_;
  uv_loop_t loop_{};
  uv_async_t wake_{};
  uv_prepare_t before_poll_{};
  uv_timer_t timer_{};
  retry::TimerWheel timers_;
  net::Context context_;
  std::unique_ptr<TokenEndpoints> token_endpoints_;
  std::unique_ptr<oauth::TokenCache> tokens_;
  std::thread thread_;
};

}  // namespace trunkline::engine
