// The client of one platform: rate limit → token → turn → send → judge → try again, for any number of calls
// at once.
#pragma once

#include <array>
#include <atomic>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
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
  std::string platform{};  // its name in messages; empty: the base's host
  std::vector<std::pair<std::string, std::string>>
      headers{};                                  // on every request; static credentials among them
  std::optional<oauth::Credential> credential{};  // with it a bearer token is fetched for every request, …
  std::shared_ptr<oauth::TokenEndpoint> token_endpoint{};  // … from there
  std::optional<RateLimit> rate_limit{};
  std::optional<retry::BreakerOptions> breaker{};
  std::size_t max_pending = 65'536;  // calls at once, waiting ones included; beyond: QUEUE_FULL
  // Requests at once; the rest wait their turn, which is no part of their timeout_ms.
  std::size_t max_in_flight = std::numeric_limits<std::size_t>::max();
};

struct Call {
  net::Request request;
  std::shared_ptr<const retry::Policy> retry;  // attempts = 1: one try
  std::int64_t timeout_ms = 5000;              // one try
  std::int64_t deadline_ms = 0;                // everything: token, waits, tries; 0: none
  // May the platform see it twice? The method is idempotent (RFC 9110, 9.2.2), it carries an Idempotency-Key,
  // or the caller says so. Otherwise it is sent again only where nothing of it was sent, or the status says
  // that it was not processed (429, 503).
  bool repeatable = false;
  // Nothing is sent: the call ends when there is a token, or none to be had. It needs no turn and no rate.
  bool only_token = false;
  // While the breaker is open the call waits, uncounted, instead of ending with CIRCUIT_OPEN.
  bool waits_for_breaker = false;
};

struct Reply {
  net::Response response;  // 2xx
  int attempts = 0;
  std::int64_t duration_ms = 0;
};

// Readable from any thread while the exchange works.
struct ExchangeCounters {
  using Count = std::atomic<std::uint64_t>;
  Count calls{0};
  Count succeeded{0};
  Count failed{0};
  Count tries{0};
  Count retries{0};  // tries after a call's first
  // Tries that were answered, by how long it took: less than 1, 2, 4 … 2^14 ms, and longer.
  std::array<Count, 16> answered_within{};
};

class Exchange;

// A call under way. It lies inside the object that waits for it, like a retry::Timer; destroying it gives the
// call up. Not movable: the exchange holds its address, and outlives it.
class PendingCall
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  // `on_end` is called once for each Start, as the last thing that the exchange does with the call: there it
  // may be destroyed or started again. `on_failed_try` is told of each try that failed, before what follows.
  using OnEnd = std::function<void(Result<Reply>)>;
  using OnFailedTry = std::function<void(const Error&)>;
  explicit PendingCall(OnEnd on_end, OnFailedTry on_failed_try = nullptr);
  ~PendingCall();

  bool sending() const { return ticket_ != nullptr; }  // is a request of it under way?
  int attempts() const { return attempts_; }
  std::int64_t try_started_ms() const { return try_started_ms_; }  // monotonic; of the last try

 private:
  friend class Exchange;
  const OnEnd on_end_;
  const OnFailedTry on_failed_try_;
  Exchange* exchange_ = nullptr;  // while under way
  Call call_;
  int attempts_ = 0;
  bool token_renewed_ = false;  // after a 401; a second one is final
  bool on_breaker_ = false;     // let through, and not reported yet
  std::string token_;           // that the present try carries
  std::int64_t started_ms_ = 0;
  std::int64_t try_started_ms_ = 0;
  std::int64_t deadline_at_ms_ = 0;
  net::Transport::Ticket ticket_ = nullptr;
  retry::Timer wait_timer_;
  retry::Timer deadline_timer_;
};

// Everything on one thread, the engine's.
class Exchange {
 public:
  // `tokens` may be null where there is no credential. All references outlive the exchange.
  // CONFIG_INVALID for a header that no request may carry.
  static Result<std::unique_ptr<Exchange>> Create(ExchangeOptions options, net::Transport& transport,
                                                  oauth::TokenCache* tokens, retry::TimerWheel& timers,
                                                  const Clock& clock, ExchangeCounters& counters);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Any status but 2xx is an error of its code (base/errors.h), with the tries made and the platform's
  // Retry-After. The end may come inside this call (CONFIG_INVALID, QUEUE_FULL, CIRCUIT_OPEN, CLOSED).
  void Start(PendingCall& pending, Call call);

  // Ends a call with ABORTED; nothing when it is not under way.
  void Abort(PendingCall& pending);

  // Ends a call with TIMEOUT and that message, as its own deadline does; nothing when it is not under way.
  void TimeOut(PendingCall& pending, std::string message);

  // Takes nothing more, and calls back when what is under way has ended; not inside a callback of a call.
  // For `grace_ms` calls go on as ever, but for a wait that is known to outlast it: that one ends with CLOSED
  // at once. After that only requests that have been sent go on, to their result or their time-out, and every
  // other call ends with CLOSED.
  void Drain(std::int64_t grace_ms, std::function<void()> drained);

  // From now on nothing is sent: a call whose request is under way ends with its result, or with CLOSED where
  // a further try would follow. The others are left to their owner.
  void SendNoMore() { sends_ = false; }

 private:
  friend class PendingCall;
  using Line = boost::intrusive::list<PendingCall, boost::intrusive::constant_time_size<false>>;

  Exchange(ExchangeOptions options, std::string header_lines, net::Transport& transport,
           oauth::TokenCache* tokens, retry::TimerWheel& timers, const Clock& clock,
           ExchangeCounters& counters);

  void Try(PendingCall& pending);
  void ServeBreaker();
  void WaitForRate(PendingCall& pending);
  void ServeRate();
  void Authorise(PendingCall& pending);
  void OnToken(Result<std::string> token);
  void WaitForTurn(PendingCall& pending);
  void ServeTurns();
  void Send(PendingCall& pending);
  void OnAnswer(PendingCall& pending, Result<net::Response> result);
  void Judge(PendingCall& pending, Result<net::Response> result);
  void FailTry(PendingCall& pending, Error error);
  bool MayRepeat(const PendingCall& pending, const Error& error) const;
  void Report(PendingCall& pending, bool platform_failed);
  void LookAtBreaker();
  void OnGraceEnd();
  void Close(Line& line);
  void Close(PendingCall& pending);
  void Forget(PendingCall& pending);
  void End(PendingCall& pending, Result<Reply> result);

  const ExchangeOptions options_;
  const std::string header_lines_;  // options_.headers as they are sent
  net::Transport& transport_;
  oauth::TokenCache* tokens_;
  retry::TimerWheel& timers_;
  const Clock& clock_;
  ExchangeCounters& counters_;
  std::optional<retry::TokenBucket> bucket_;
  std::optional<retry::CircuitBreaker> breaker_;
  // A call waits in one of these at most. First come, first served, but for the last: there each has a timer.
  Line breaker_line_;
  Line rate_line_;
  Line token_line_;
  Line turn_line_;
  Line retry_line_;
  bool token_asked_ = false;
  std::size_t pending_ = 0;
  std::size_t in_flight_ = 0;
  retry::Timer breaker_timer_;
  retry::Timer rate_timer_;
  retry::Timer turn_timer_;
  retry::Timer grace_timer_;
  std::int64_t grace_ends_ms_ = std::numeric_limits<std::int64_t>::max();
  std::function<void()> drained_;
  bool takes_ = true;
  bool sends_ = true;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // what a late token looks at
};

}  // namespace trunkline::delivery
