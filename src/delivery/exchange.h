// The client of one platform: rate limit → token → send → judge → try again, for any number of calls at once.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/request.h"
#include "net/transport.h"
#include "oauth/token_cache.h"
#include "retry/circuit_breaker.h"
#include "retry/policy.h"
#include "retry/timer_wheel.h"
#include "retry/token_bucket.h"

namespace trunkline::delivery {

struct RateLimit {
  std::int64_t requests = 0;
  std::int64_t per_ms = 0;
};

struct ExchangeOptions {
  net::BaseUrl base{};
  std::vector<std::pair<std::string, std::string>>
      headers{};                                  // on every request; static credentials among them
  std::optional<oauth::Credential> credential{};  // else a bearer token is fetched for every request
  std::optional<RateLimit> rate_limit{};
  std::optional<retry::BreakerOptions> breaker{};
  std::size_t max_pending = 65'536;  // calls at once, waiting ones included; beyond: QUEUE_FULL
};

struct Call {
  net::Request request;
  retry::Policy retry;             // attempts = 1: one try
  std::int64_t timeout_ms = 5000;  // one try
  std::int64_t deadline_ms = 0;    // everything: token, waits, tries; 0: none
  // May the platform see it twice? The method is idempotent (RFC 9110, 9.2.2), it carries an Idempotency-Key,
  // or the caller says so. Otherwise it is sent again only where nothing of it was sent, or the status says
  // that it was not processed (429, 503).
  bool repeatable = false;
};

struct Reply {
  net::Response response;  // 2xx
  int attempts = 0;
  std::int64_t duration_ms = 0;
};

struct ExchangeCounters {
  std::uint64_t calls = 0;
  std::uint64_t tries = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
};

// Everything on one thread, the engine's.
class Exchange {
 public:
  using Callback = std::function<void(Result<Reply>)>;
  using CallId = std::uint64_t;

  // `tokens` may be null where there is no credential. All references outlive the exchange.
  Exchange(ExchangeOptions options, net::Transport& transport, oauth::TokenCache* tokens,
           retry::TimerWheel& timers, const Clock& clock);
  ~Exchange();  // drops what is under way without calling back

  // Any status but 2xx is an error of its code (base/errors.h), with the tries made and the platform's
  // Retry-After. The callback may run inside this call (CONFIG_INVALID, QUEUE_FULL, CIRCUIT_OPEN, CLOSED).
  void Start(CallId id, Call call, Callback callback);

  // Ends a call with ABORTED; nothing when it has ended already.
  void Abort(CallId id);

  // Takes nothing more, and calls back when what is under way has ended; not inside a callback of a call.
  void Drain(std::function<void()> drained);

  const ExchangeCounters& counters() const { return counters_; }

 private:
  struct Pending;

  void Try(Pending& pending);
  void WaitForRate(Pending& pending);
  void ServeRate();
  void Authorise(Pending& pending);
  void Send(Pending& pending, const std::string& token);
  void Judge(Pending& pending, Result<net::Response> result);
  void FailTry(Pending& pending, Error error);
  bool MayRepeat(const Pending& pending, const Error& error) const;
  std::int64_t LeftMs(const Pending& pending) const;
  void Report(Pending& pending, bool platform_failed);
  void End(Pending& pending, Result<Reply> result);

  const ExchangeOptions options_;
  net::Transport& transport_;
  oauth::TokenCache* tokens_;
  retry::TimerWheel& timers_;
  const Clock& clock_;
  std::optional<retry::TokenBucket> bucket_;
  std::optional<retry::CircuitBreaker> breaker_;
  std::unordered_map<CallId, std::shared_ptr<Pending>> pending_;
  std::deque<std::weak_ptr<Pending>> rate_queue_;  // first come, first served
  retry::Timer rate_timer_;
  std::function<void()> drained_;
  bool closed_ = false;
  ExchangeCounters counters_;
};

}  // namespace trunkline::delivery
