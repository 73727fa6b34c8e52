#include "delivery/exchange.h"

#include <algorithm>
#include <bit>

#include "crypto/random.h"
#include "retry/retry_after.h"

namespace trunkline::delivery {
namespace {

// What a platform says of a request that it refused may repeat the token that came with it.
std::string WithoutToken(std::string text, std::string_view token) {
  constexpr std::string_view kBlank = "[redacted]";
  constexpr std::size_t kShortestSecret = 8;
  if (token.size() < kShortestSecret) return text;
  for (std::size_t at = text.find(token); at != std::string::npos; at = text.find(token, at + kBlank.size()))
    text.replace(at, token.size(), kBlank);
  return text;
}

}  // namespace

PendingCall::PendingCall(OnEnd on_end, OnFailedTry on_failed_try)
    : on_end_(std::move(on_end)),
      on_failed_try_(std::move(on_failed_try)),
      wait_timer_([this] {
        unlink();
        exchange_->Try(*this);
      }),
      deadline_timer_([this] { exchange_->TimeOut(*this, "the deadline of the call has passed"); }) {}

PendingCall::~PendingCall() {
  if (exchange_ != nullptr) exchange_->Forget(*this);
}

Result<std::unique_ptr<Exchange>> Exchange::Create(ExchangeOptions options, net::Transport& transport,
                                                   oauth::TokenCache* tokens, retry::TimerWheel& timers,
                                                   const Clock& clock, ExchangeCounters& counters) {
  auto lines = net::SerializeHeaders(options.headers);
  if (!lines) return lines.error();
  if (options.platform.empty()) options.platform = options.base.authority;
  return std::unique_ptr<Exchange>(
      new Exchange(std::move(options), std::move(*lines), transport, tokens, timers, clock, counters));
}

Exchange::Exchange(ExchangeOptions options, std::string header_lines, net::Transport& transport,
                   oauth::TokenCache* tokens, retry::TimerWheel& timers, const Clock& clock,
                   ExchangeCounters& counters)
    : options_(std::move(options)),
      header_lines_(std::move(header_lines)),
      transport_(transport),
      tokens_(tokens),
      timers_(timers),
      clock_(clock),
      counters_(counters),
      breaker_timer_([this] { ServeBreaker(); }),
      rate_timer_([this] { ServeRate(); }),
      turn_timer_([this] { ServeTurns(); }),
      grace_timer_([this] { OnGraceEnd(); }) {
  if (options_.rate_limit)
    bucket_.emplace(options_.rate_limit->requests, options_.rate_limit->per_ms, clock_.MonotonicMs());
  if (options_.breaker) breaker_.emplace(*options_.breaker);
}

Exchange::~Exchange() = default;

void Exchange::Start(PendingCall& pending, Call call) {
  const auto refuse = [&pending](Error error) { PendingCall::OnEnd(pending.on_end_)(std::move(error)); };
  if (!takes_) return refuse({.code = ErrorCode::kClosed, .message = "the client is closed"});
  if (pending_ >= options_.max_pending)
    return refuse({.code = ErrorCode::kQueueFull, .message = "too many calls are under way"});
  ++pending_;
  ++counters_.calls;
  pending.exchange_ = this;
  pending.call_ = std::move(call);
  pending.attempts_ = 0;
  pending.token_renewed_ = false;
  pending.started_ms_ = clock_.MonotonicMs();
  if (pending.call_.deadline_ms > 0) {
    pending.deadline_at_ms_ = pending.started_ms_ + pending.call_.deadline_ms;
    timers_.Schedule(pending.deadline_timer_, pending.deadline_at_ms_);
  }
  if (pending.call_.only_token) return Authorise(pending);
  Try(pending);
}

void Exchange::Try(PendingCall& pending) {
  if (!breaker_) return WaitForRate(pending);
  const std::int64_t now_ms = clock_.MonotonicMs();
  if (breaker_->Allow(now_ms)) {
    pending.on_breaker_ = true;
    return WaitForRate(pending);
  }
  if (pending.call_.waits_for_breaker) {
    breaker_line_.push_back(pending);
    if (!breaker_timer_.scheduled()) timers_.Schedule(breaker_timer_, now_ms + breaker_->OpenForMs(now_ms));
    return;
  }
  End(pending, Error{.code = ErrorCode::kCircuitOpen,
                     .message = "calls to " + options_.platform + " pause after repeated failures",
                     .attempts = pending.attempts_,
                     .retry_after_ms = breaker_->OpenForMs(now_ms)});
}

void Exchange::ServeBreaker() {
  while (!breaker_line_.empty()) {
    const std::int64_t now_ms = clock_.MonotonicMs();
    if (!breaker_->Allow(now_ms)) {
      timers_.Schedule(breaker_timer_, now_ms + breaker_->OpenForMs(now_ms));
      return;
    }
    PendingCall& first = breaker_line_.front();
    breaker_line_.pop_front();
    first.on_breaker_ = true;
    WaitForRate(first);
  }
}

void Exchange::WaitForRate(PendingCall& pending) {
  if (!bucket_) return Authorise(pending);
  rate_line_.push_back(pending);
  if (!rate_timer_.scheduled()) ServeRate();
}

void Exchange::ServeRate() {
  while (!rate_line_.empty()) {
    const std::int64_t now_ms = clock_.MonotonicMs();
    if (const std::int64_t wait_ms = bucket_->TakeOrWaitMs(now_ms); wait_ms > 0) {
      if (now_ms + wait_ms >= grace_ends_ms_) return Close(rate_line_);
      timers_.Schedule(rate_timer_, now_ms + wait_ms);
      return;
    }
    PendingCall& first = rate_line_.front();
    rate_line_.pop_front();
    Authorise(first);
  }
}

// However many calls want one, the cache is asked once.
void Exchange::Authorise(PendingCall& pending) {
  if (!options_.credential) return WaitForTurn(pending);
  token_line_.push_back(pending);
  if (std::exchange(token_asked_, true)) return;
  const auto on_token = [this, alive = std::weak_ptr(alive_)](Result<std::string> token) {
    if (!alive.expired()) OnToken(std::move(token));
  };
  tokens_->Get(*options_.credential, options_.token_endpoint, on_token, this);
}

void Exchange::OnToken(Result<std::string> token) {
  token_asked_ = false;
  Line line;
  line.swap(token_line_);
  while (!line.empty()) {
    PendingCall& pending = line.front();
    line.pop_front();
    if (token.ok()) {
      pending.token_ = *token;
      WaitForTurn(pending);
      continue;
    }
    // The token cache has tried as often as its own policy says.
    Error error = token.error();
    error.attempts = pending.attempts_;
    End(pending, std::move(error));
  }
}

void Exchange::WaitForTurn(PendingCall& pending) {
  if (pending.call_.only_token) {
    return End(pending, Reply{{}, pending.attempts_, clock_.MonotonicMs() - pending.started_ms_});
  }
  turn_line_.push_back(pending);
  ServeTurns();
}

void Exchange::ServeTurns() {
  while (sends_ && in_flight_ < options_.max_in_flight && !turn_line_.empty()) {
    PendingCall& first = turn_line_.front();
    turn_line_.pop_front();
    Send(first);
  }
}

void Exchange::Send(PendingCall& pending) {
  std::string authorization;
  if (options_.credential)
    authorization.append("Authorization: Bearer ").append(pending.token_).append("\r\n");
  auto wire = net::Serialize(options_.base, pending.call_.request, header_lines_, authorization);
  if (!wire) return End(pending, std::move(wire.error()));
  pending.try_started_ms_ = clock_.MonotonicMs();
  ++counters_.tries;
  if (++pending.attempts_ > 1) ++counters_.retries;
  ++in_flight_;
  std::int64_t timeout_ms = pending.call_.timeout_ms;
  if (pending.call_.deadline_ms > 0) {
    timeout_ms = std::clamp<std::int64_t>(pending.deadline_at_ms_ - pending.try_started_ms_, 0, timeout_ms);
  }
  pending.ticket_ = transport_.Send(
      std::move(*wire), pending.call_.request.method == "HEAD", timeout_ms,
      [this, &pending](Result<net::Response> result) { OnAnswer(pending, std::move(result)); });
}

void Exchange::OnAnswer(PendingCall& pending, Result<net::Response> result) {
  pending.ticket_ = nullptr;
  --in_flight_;
  Judge(pending, std::move(result));
  ServeTurns();
}

void Exchange::Judge(PendingCall& pending, Result<net::Response> result) {
  if (!result) return FailTry(pending, std::move(result.error()));
  const std::int64_t now_ms = clock_.MonotonicMs();
  const auto tried_ms =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_ms - pending.try_started_ms_));
  ++counters_.answered_within[std::min<std::size_t>(std::bit_width(tried_ms),
                                                    counters_.answered_within.size() - 1)];
  const int status = result->status;
  if (status >= 200 && status < 300) {
    Report(pending, false);
    return End(pending, Reply{std::move(*result), pending.attempts_, now_ms - pending.started_ms_});
  }
  if (status == 401 && options_.credential && !pending.token_renewed_ && sends_) {
    // The token may have been revoked before its time: that one is dropped, and the call made once more with
    // a fresh one, uncounted.
    pending.token_renewed_ = true;
    --pending.attempts_;
    tokens_->Drop(*options_.credential, pending.token_);
    return WaitForRate(pending);
  }
  Error error{.code = CodeForStatus(status),
              .message = options_.platform + " answered " + std::to_string(status),
              .status = status};
  if (const auto wait = retry::ParseRetryAfter(result->Header("retry-after"), clock_.WallMs()))
    error.retry_after_ms = *wait;
  if (status == 429 && bucket_) {
    const std::int64_t pause_ms =
        std::clamp<std::int64_t>(error.retry_after_ms, 0, pending.call_.retry->max_retry_after_ms);
    bucket_->Pause(now_ms + pause_ms);
  }
  error.answer = std::make_shared<RefusedAnswer>(
      RefusedAnswer{WithoutToken(std::move(result->header_lines), pending.token_),
                    WithoutToken(std::move(result->body), pending.token_)});
  FailTry(pending, std::move(error));
}

void Exchange::FailTry(PendingCall& pending, Error error) {
  Report(pending, error.status >= 500 || error.status == 408 || error.status == 0);
  error.attempts = pending.attempts_;
  if (pending.on_failed_try_) pending.on_failed_try_(error);
  const std::int64_t now_ms = clock_.MonotonicMs();
  auto wait = MayRepeat(pending, error)
                  ? retry::NextDelayMs(*pending.call_.retry, error, pending.attempts_,
                                       now_ms - pending.started_ms_, crypto::RandomUnit())
                  : std::nullopt;
  // A wait that outlasts the deadline cannot end well: the caller is told now.
  if (wait && pending.call_.deadline_ms > 0 && now_ms + *wait >= pending.deadline_at_ms_) wait.reset();
  if (!wait) return End(pending, std::move(error));
  if (!sends_ || now_ms + *wait >= grace_ends_ms_) return Close(pending);
  retry_line_.push_back(pending);
  timers_.Schedule(pending.wait_timer_, now_ms + *wait);
}

bool Exchange::MayRepeat(const PendingCall& pending, const Error& error) const {
  return pending.call_.repeatable || error.nothing_sent || error.status == 429 || error.status == 503;
}

void Exchange::Report(PendingCall& pending, bool platform_failed) {
  if (!std::exchange(pending.on_breaker_, false)) return;
  if (platform_failed) {
    breaker_->Failed(clock_.MonotonicMs());
  } else {
    breaker_->Succeeded(clock_.MonotonicMs());
  }
  LookAtBreaker();
}

// Those who wait for it look again soon; not at once: this is the middle of somebody's call.
void Exchange::LookAtBreaker() {
  if (!breaker_line_.empty()) timers_.Schedule(breaker_timer_, clock_.MonotonicMs());
}

void Exchange::TimeOut(PendingCall& pending, std::string message) {
  if (pending.exchange_ != this) return;
  const Error error{
      .code = ErrorCode::kTimeout, .message = std::move(message), .attempts = pending.attempts_};
  if (pending.sending()) {
    // A platform that lets the whole deadline pass has failed, as one that lets a try's time pass has.
    Report(pending, true);
    if (pending.on_failed_try_) pending.on_failed_try_(error);
  }
  End(pending, error);
}

// Out of whatever it waits for.
void Exchange::Forget(PendingCall& pending) {
  if (std::exchange(pending.on_breaker_, false)) {
    breaker_->Abandoned();
    LookAtBreaker();
  }
  if (pending.is_linked()) pending.unlink();
  if (token_line_.empty() && std::exchange(token_asked_, false)) tokens_->Leave(*options_.credential, this);
  if (pending.sending()) {
    transport_.Cancel(std::exchange(pending.ticket_, nullptr));
    --in_flight_;
    // Not at once: this may be the middle of somebody's loop over calls.
    if (!turn_line_.empty()) timers_.Schedule(turn_timer_, clock_.MonotonicMs());
  }
  timers_.Cancel(pending.wait_timer_);
  timers_.Cancel(pending.deadline_timer_);
  pending.exchange_ = nullptr;
  --pending_;
}

void Exchange::End(PendingCall& pending, Result<Reply> result) {
  Forget(pending);
  if (!result.ok()) result.error().platform = options_.platform;
  ++(result.ok() ? counters_.succeeded : counters_.failed);
  const PendingCall::OnEnd on_end = pending.on_end_;  // a copy: it may destroy the call
  on_end(std::move(result));
  if (pending_ > 0 || !drained_) return;
  timers_.Cancel(grace_timer_);
  std::exchange(drained_, nullptr)();
}

void Exchange::Abort(PendingCall& pending) {
  if (pending.exchange_ != this) return;
  End(pending,
      Error{.code = ErrorCode::kAborted, .message = "the call was aborted", .attempts = pending.attempts_});
}

void Exchange::Drain(std::int64_t grace_ms, std::function<void()> drained) {
  takes_ = false;
  if (pending_ == 0) return drained();
  drained_ = std::move(drained);
  grace_ends_ms_ = clock_.MonotonicMs() + grace_ms;
  timers_.Schedule(grace_timer_, grace_ends_ms_);
  ServeRate();
  Line too_long;
  for (auto next = retry_line_.begin(); next != retry_line_.end();) {
    PendingCall& pending = *next++;
    if (pending.wait_timer_.due_ms() < grace_ends_ms_) continue;
    pending.unlink();
    too_long.push_back(pending);
  }
  Close(too_long);
}

void Exchange::OnGraceEnd() {
  SendNoMore();
  for (Line* line : {&breaker_line_, &rate_line_, &token_line_, &turn_line_, &retry_line_}) Close(*line);
}

void Exchange::Close(Line& line) {
  // A call that ends may take others with it: they leave this list by themselves.
  Line closing;
  closing.swap(line);
  while (!closing.empty()) Close(closing.front());
}

void Exchange::Close(PendingCall& pending) {
  End(pending, Error{.code = ErrorCode::kClosed,
                     .message = "closed while the call waited",
                     .attempts = pending.attempts_});
}

}  // namespace trunkline::delivery
