#include "delivery/exchange.h"

#include <algorithm>

#include "crypto/random.h"
#include "retry/retry_after.h"

namespace trunkline::delivery {

struct Exchange::Pending {
  Pending(Exchange& exchange, CallId call_id, Call taken, Callback done)
      : id(call_id),
        call(std::move(taken)),
        callback(std::move(done)),
        wait_timer([this, &exchange] { exchange.Try(*this); }),
        deadline_timer([this, &exchange] {
          // A platform that lets the whole deadline pass has failed, as one that lets a try's time pass has.
          if (ticket != nullptr) exchange.Report(*this, true);
          exchange.End(*this, Error{.code = ErrorCode::kTimeout,
                                    .message = "the deadline of the call has passed",
                                    .attempts = attempts});
        }) {}

  std::weak_ptr<Pending> self;
  const CallId id;
  Call call;
  Callback callback;
  int attempts = 0;
  bool token_renewed = false;  // after a 401; a second one is final
  bool on_breaker = false;     // let through, and not reported yet
  std::string token;           // that the present try carries
  std::int64_t started_ms = 0;
  std::int64_t deadline_at_ms = 0;
  net::Transport::Ticket ticket = nullptr;  // while a request is under way
  retry::Timer wait_timer;
  retry::Timer deadline_timer;
};

Exchange::Exchange(ExchangeOptions options, net::Transport& transport, oauth::TokenCache* tokens,
                   retry::TimerWheel& timers, const Clock& clock)
    : options_(std::move(options)),
      transport_(transport),
      tokens_(tokens),
      timers_(timers),
      clock_(clock),
      rate_timer_([this] { ServeRate(); }) {
  if (options_.rate_limit)
    bucket_.emplace(options_.rate_limit->requests, options_.rate_limit->per_ms, clock_.MonotonicMs());
  if (options_.breaker) breaker_.emplace(*options_.breaker);
}

Exchange::~Exchange() {
  for (const auto& [id, pending] : pending_) {
    if (pending->ticket != nullptr) transport_.Cancel(pending->ticket);
  }
}

void Exchange::Start(CallId id, Call call, Callback callback) {
  if (closed_) return callback(Error{.code = ErrorCode::kClosed, .message = "the client is closed"});
  if (pending_.size() >= options_.max_pending) {
    return callback(Error{.code = ErrorCode::kQueueFull, .message = "too many calls are under way"});
  }
  ++counters_.calls;
  auto pending = std::make_shared<Pending>(*this, id, std::move(call), std::move(callback));
  pending->self = pending;
  pending->started_ms = clock_.MonotonicMs();
  if (pending->call.deadline_ms > 0) {
    pending->deadline_at_ms = pending->started_ms + pending->call.deadline_ms;
    timers_.Schedule(pending->deadline_timer, pending->deadline_at_ms);
  }
  pending_.emplace(id, pending);
  Try(*pending);
}

void Exchange::Try(Pending& pending) {
  if (breaker_) {
    const std::int64_t now_ms = clock_.MonotonicMs();
    if (!breaker_->Allow(now_ms)) {
      return End(pending,
                 Error{.code = ErrorCode::kCircuitOpen,
                       .message = "calls to " + options_.base.authority + " pause after repeated failures",
                       .attempts = pending.attempts,
                       .retry_after_ms = breaker_->OpenForMs(now_ms)});
    }
    pending.on_breaker = true;
  }
  if (bucket_) return WaitForRate(pending);
  Authorise(pending);
}

void Exchange::WaitForRate(Pending& pending) {
  // Calls that were aborted leave their places behind: these go before they outnumber the rest.
  if (rate_queue_.size() > 2 * pending_.size() + 16)
    std::erase_if(rate_queue_, [](const auto& waiting) { return waiting.expired(); });
  rate_queue_.push_back(pending.self);
  if (!rate_timer_.scheduled()) ServeRate();
}

void Exchange::ServeRate() {
  while (!rate_queue_.empty()) {
    const auto pending = rate_queue_.front().lock();
    if (pending) {
      const std::int64_t now_ms = clock_.MonotonicMs();
      if (const std::int64_t wait_ms = bucket_->TakeOrWaitMs(now_ms); wait_ms > 0) {
        timers_.Schedule(rate_timer_, now_ms + wait_ms);
        return;
      }
    }
    rate_queue_.pop_front();
    if (pending && pending_.contains(pending->id)) Authorise(*pending);
  }
}

void Exchange::Authorise(Pending& pending) {
  if (!options_.credential) return Send(pending, {});
  tokens_->Get(*options_.credential, [this, weak = pending.self](Result<std::string> token) {
    const auto alive = weak.lock();
    if (!alive || !pending_.contains(alive->id)) return;
    if (token.ok()) return Send(*alive, *token);
    // The token cache has tried as often as its own policy says.
    Error error = std::move(token.error());
    error.attempts = alive->attempts;
    End(*alive, std::move(error));
  });
}

void Exchange::Send(Pending& pending, const std::string& token) {
  net::Request request = pending.call.request;
  request.headers.insert(request.headers.end(), options_.headers.begin(), options_.headers.end());
  if (options_.credential) request.headers.emplace_back("Authorization", "Bearer " + token);
  pending.token = token;
  auto wire = net::Serialize(options_.base, request);
  if (!wire) return End(pending, std::move(wire.error()));
  ++pending.attempts;
  ++counters_.tries;
  std::int64_t timeout_ms = pending.call.timeout_ms;
  if (pending.deadline_at_ms > 0) timeout_ms = std::min(timeout_ms, LeftMs(pending));
  pending.ticket = transport_.Send(std::move(*wire), request.method == "HEAD", timeout_ms,
                                   [this, weak = pending.self](Result<net::Response> result) {
                                     const auto alive = weak.lock();
                                     if (!alive) return;
                                     alive->ticket = nullptr;
                                     Judge(*alive, std::move(result));
                                   });
}

std::int64_t Exchange::LeftMs(const Pending& pending) const {
  return std::max<std::int64_t>(0, pending.deadline_at_ms - clock_.MonotonicMs());
}

void Exchange::Judge(Pending& pending, Result<net::Response> result) {
  if (!result) return FailTry(pending, std::move(result.error()));
  const int status = result->status;
  if (status >= 200 && status < 300) {
    Report(pending, false);
    return End(pending,
               Reply{std::move(*result), pending.attempts, clock_.MonotonicMs() - pending.started_ms});
  }
  if (status == 401 && options_.credential && !pending.token_renewed) {
    // The token may have been revoked before its time: that one is dropped, and the call made once more with
    // a fresh one, uncounted.
    pending.token_renewed = true;
    --pending.attempts;
    tokens_->Drop(*options_.credential, pending.token);
    return bucket_ ? WaitForRate(pending) : Authorise(pending);
  }
  Error error{.code = CodeForStatus(status),
              .message = options_.base.authority + " answered " + std::to_string(status),
              .status = status};
  if (const auto wait = retry::ParseRetryAfter(result->Header("retry-after"), clock_.WallMs()))
    error.retry_after_ms = *wait;
  if (status == 429 && bucket_) {
    const std::int64_t pause_ms =
        std::clamp<std::int64_t>(error.retry_after_ms, 0, pending.call.retry.max_retry_after_ms);
    bucket_->Pause(clock_.MonotonicMs() + pause_ms);
  }
  FailTry(pending, std::move(error));
}

void Exchange::FailTry(Pending& pending, Error error) {
  Report(pending, error.status >= 500 || error.status == 0);
  error.attempts = pending.attempts;
  const std::int64_t now_ms = clock_.MonotonicMs();
  auto wait = MayRepeat(pending, error)
                  ? retry::NextDelayMs(pending.call.retry, error, pending.attempts,
                                       now_ms - pending.started_ms, crypto::RandomUnit())
                  : std::nullopt;
  // A wait that outlasts the deadline cannot end well: the caller is told now.
  if (wait && pending.deadline_at_ms > 0 && now_ms + *wait >= pending.deadline_at_ms) wait.reset();
  if (!wait) return End(pending, std::move(error));
  timers_.Schedule(pending.wait_timer, now_ms + *wait);
}

bool Exchange::MayRepeat(const Pending& pending, const Error& error) const {
  return pending.call.repeatable || error.nothing_sent || error.status == 429 || error.status == 503;
}

void Exchange::Report(Pending& pending, bool platform_failed) {
  if (!pending.on_breaker) return;
  pending.on_breaker = false;
  if (platform_failed) {
    breaker_->Failed(clock_.MonotonicMs());
  } else {
    breaker_->Succeeded(clock_.MonotonicMs());
  }
}

void Exchange::End(Pending& pending, Result<Reply> result) {
  const auto node = pending_.extract(pending.id);
  if (node.empty()) return;
  const std::shared_ptr<Pending> kept = node.mapped();
  if (pending.on_breaker) breaker_->Abandoned();
  if (pending.ticket != nullptr) transport_.Cancel(std::exchange(pending.ticket, nullptr));
  timers_.Cancel(pending.wait_timer);
  timers_.Cancel(pending.deadline_timer);
  ++(result.ok() ? counters_.succeeded : counters_.failed);
  const Callback callback = std::move(pending.callback);
  callback(std::move(result));
  if (pending_.empty() && drained_) std::exchange(drained_, nullptr)();
}

void Exchange::Abort(CallId id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  const std::shared_ptr<Pending> pending = found->second;
  End(*pending,
      Error{.code = ErrorCode::kAborted, .message = "the call was aborted", .attempts = pending->attempts});
}

void Exchange::Drain(std::function<void()> drained) {
  closed_ = true;
  if (pending_.empty()) return drained();
  drained_ = std::move(drained);
}

}  // namespace trunkline::delivery
