#include "engine/engine.h"

#include <algorithm>
#include <future>
#include <string>
#include <utility>

#include "base/thread_name.h"
#include "crypto/random.h"

namespace trunkline::engine {
namespace {

// The only process-wide state of the product.
std::mutex g_mutex;
std::weak_ptr<Engine> g_engine;

thread_local Engine* t_current = nullptr;

}  // namespace

Engine* Engine::Current() { return t_current; }

Result<std::shared_ptr<Engine>> Engine::Acquire() {
  const std::lock_guard guard(g_mutex);
  if (auto running = g_engine.lock()) return running;
  std::shared_ptr<Engine> engine(new Engine);
  if (Status started = engine->Start(); !started.ok()) return started.error();
  g_engine = engine;
  return engine;
}

Engine::Engine()
    : timers_(SystemClock().MonotonicMs()),
      context_{&loop_, &timers_, &SystemClock(), {}},
      token_endpoints_(std::make_unique<TokenEndpoints>(context_, [this](Job job) { Post(std::move(job)); })),
      tokens_(std::make_unique<oauth::TokenCache>(SystemClock(), timers_, crypto::RandomUnit)) {}

Status Engine::Start() {
  int error = uv_loop_init(&loop_);
  if (error == 0) {
    error = uv_async_init(&loop_, &wake_,
                          [](uv_async_t* handle) { static_cast<Engine*>(handle->data)->DrainMailbox(); });
    if (error != 0) uv_loop_close(&loop_);
  }
  if (error != 0) {
    stopping_ = true;
    return Error{.code = ErrorCode::kConfigInvalid,
                 .message = std::string("the engine cannot start: ") + uv_strerror(error)};
  }
  uv_prepare_init(&loop_, &before_poll_);
  uv_timer_init(&loop_, &timer_);
  wake_.data = before_poll_.data = timer_.data = this;
  uv_prepare_start(&before_poll_,
                   [](uv_prepare_t* handle) { static_cast<Engine*>(handle->data)->EndTurn(); });
  thread_ = std::thread([this] { Run(); });
  return Ok();
}

Engine::~Engine() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  uv_async_send(&wake_);
  thread_.join();
}

void Engine::Run() {
  NameThisThread("trunk-engine");
  t_current = this;
  // Ends when DrainMailbox has closed the engine's own handles, and everybody else theirs.
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
}

void Engine::Post(Job job) {
  {
    const std::lock_guard guard(mutex_);
    if (stopping_) return;
    mailbox_.push_back(std::move(job));
    if (mailbox_.size() > 1) return;  // the engine has been woken for the first one
  }
  uv_async_send(&wake_);
}

void Engine::RunAndWait(const Job& job) {
  std::promise<void> done;
  Post([&] {
    job();
    done.set_value();
  });
  done.get_future().wait();
}

Status Engine::ReadTrust(net::TlsOptions& tls, const std::string& option) {
  const std::lock_guard guard(trust_mutex_);
  if (!trust_ || tls.trusted_pem != trusted_pem_) {
    auto trust = net::TlsTrust::Read(tls.trusted_pem, option);
    if (!trust) return std::move(trust.error());
    trust_ = std::move(*trust);
    trusted_pem_ = std::move(tls.trusted_pem);
  }
  tls.trusted_pem.clear();
  tls.trust = trust_;
  return Ok();
}

void Engine::DrainMailbox() {
  std::vector<Job> jobs;
  bool stop = false;
  {
    const std::lock_guard guard(mutex_);
    jobs.swap(mailbox_);
    stop = stopping_;
  }
  for (Job& job : jobs) {
    job();
    job = nullptr;  // what it captured goes now, not when all have run
  }
  if (!stop) return;
  EndTurn();
  tokens_.reset();
  token_endpoints_.reset();
  for (auto* handle : {reinterpret_cast<uv_handle_t*>(&wake_), reinterpret_cast<uv_handle_t*>(&before_poll_),
                       reinterpret_cast<uv_handle_t*>(&timer_)}) {
    uv_close(handle, nullptr);
  }
}

void Engine::EndTurn() {
  while (!at_turn_end_.empty()) {
    for (const Job& job : std::exchange(at_turn_end_, {})) job();
  }
  ArmTimer();
}

void Engine::ArmTimer() {
  const auto wake_ms = timers_.NextWakeMs();
  if (!wake_ms) {
    uv_timer_stop(&timer_);
    return;
  }
  const std::int64_t wait_ms = std::max<std::int64_t>(0, *wake_ms - context_.clock->MonotonicMs());
  // Counted from the loop's own idea of now, which may be a turn old: then it fires a little early, and is
  // armed again.
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) { static_cast<Engine*>(handle->data)->AdvanceTimers(); },
      static_cast<std::uint64_t>(wait_ms), 0);
}

void Engine::AdvanceTimers() { timers_.Advance(context_.clock->MonotonicMs()); }

}  // namespace trunkline::engine
