#include "oauth/token_cache.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace trunkline::oauth {
namespace {

constexpr std::int64_t kRefreshBeforeMs = 300'000;
constexpr std::int64_t kShortLifetimeMs = 25 * 60'000;  // where 300 s are a fifth
constexpr double kMostJitter = 0.02;
constexpr std::int64_t kAnyTime = std::numeric_limits<std::int64_t>::min();

// The age at which a token is due to be replaced. `chance` was drawn when it came, so that it does not move
// from Get to Get.
std::int64_t RefreshAgeMs(std::int64_t lifetime_ms, std::int64_t refresh_before_ms, double chance) {
  if (refresh_before_ms == 0) return lifetime_ms;
  std::int64_t before = refresh_before_ms;
  if (before < 0 || before >= lifetime_ms) {
    before = lifetime_ms < kShortLifetimeMs ? lifetime_ms / 5 : kRefreshBeforeMs;
  }
  const std::int64_t age = lifetime_ms - before;
  return age - static_cast<std::int64_t>(static_cast<double>(age) * kMostJitter * chance);
}

struct Token {
  TokenGrant grant;
  Moment asked;
  double chance;
};

Result<std::string> ForScopes(const TokenGrant& grant, const std::vector<std::string>& required) {
  Status scopes = CheckScopes(grant.scope, required);
  if (!scopes) return std::move(scopes.error());
  return grant.token;
}

Result<TokenGrant> Judge(Result<TokenReply> reply, std::string_view asked_scope) {
  if (reply) return ParseTokenReply(*reply, asked_scope);
  reply.error().message.insert(0, "Fetching a token: ");
  return std::move(reply.error());
}

// May the same request succeed later, without anyone mending anything?
bool MayPass(const Error& error) { return Describe(error.code).retryable && error.status != 501; }

}  // namespace

// What is known of one credential. While it is being fetched the entry stays where it is.
struct TokenCache::Entry {
  struct Waiter {
    const void* who;
    std::vector<std::string> required_scopes;
    std::shared_ptr<TokenEndpoint> endpoint;
    Callback callback;
  };

  Entry(TokenCache& cache, const Credential& key)
      : credential(key), next_try([this, &cache] { cache.Send(*this); }) {}

  bool Answers(std::int64_t now_ms, const TokenEndpoint* asked) const {
    return error && now_ms < error_until_ms && (error_of == nullptr || error_of == asked);
  }

  bool wanted() const { return ahead || !waiters.empty(); }  // of a fetch

  const Credential& credential;  // the map's key
  std::uint64_t used = 0;        // the greater, the later
  std::optional<Token> token{};

  std::optional<Error> error{};  // how the last fetch failed
  std::int64_t error_until_ms = 0;
  const TokenEndpoint* error_of = nullptr;  // on whose way it came up; null: the server said it

  bool fetching = false;                      // from the decision to its result, waits in between included
  bool ahead = false;                         // it was begun for nobody yet, while a token lasts
  std::shared_ptr<TokenEndpoint> endpoint{};  // while fetching
  std::vector<Waiter> waiters{};
  retry::Timer next_try;
  int failed_tries = 0;
  std::int64_t begun_ms = 0;

  // Not before: a refresh, since the last one failed; a fetch, since a token was dropped.
  std::int64_t refresh_from_ms = kAnyTime;
  std::int64_t fetch_from_ms = kAnyTime;
};

TokenCache::TokenCache(const Clock& clock, retry::TimerWheel& timers, std::function<double()> chance,
                       retry::Policy policy, std::size_t most_credentials)
    : clock_(clock),
      timers_(timers),
      chance_(std::move(chance)),
      policy_(std::move(policy)),
      most_credentials_(most_credentials) {}

TokenCache::~TokenCache() = default;

void TokenCache::Get(const Credential& credential, const std::shared_ptr<TokenEndpoint>& endpoint,
                     Callback callback, const void* who) {
  Entry* entry = Find(credential);
  if (entry == nullptr) {
    return callback(Error{.code = ErrorCode::kQueueFull,
                          .message = "Tokens of " + std::to_string(most_credentials_) +
                                     " credentials are being fetched already"});
  }
  const Moment now(clock_);
  if (entry->token) {
    const auto& [grant, asked, chance] = *entry->token;
    const std::int64_t age = now.MsSince(asked);
    Result<std::string> token = ForScopes(grant, credential.required_scopes);
    // A missing scope may be granted meanwhile, so that a token without it answers for a moment only.
    if (age < grant.lifetime_ms && (token.ok() || age < kErrorRestMs)) {
      const bool due = age >= RefreshAgeMs(grant.lifetime_ms, credential.refresh_before_ms, chance);
      if (due && !entry->fetching && now.monotonic_ms >= entry->refresh_from_ms) Begin(*entry, endpoint);
      return callback(std::move(token));
    }
  }
  if (entry->Answers(now.monotonic_ms, endpoint.get())) {
    Error error = *entry->error;
    if (error.retry_after_ms >= 0) error.retry_after_ms = entry->error_until_ms - now.monotonic_ms;
    return callback(std::move(error));
  }
  entry->waiters.push_back({who, credential.required_scopes, endpoint, std::move(callback)});
  if (!entry->fetching) Begin(*entry, endpoint);
}

void TokenCache::Leave(const Credential& credential, const void* who) {
  const auto found = entries_.find(credential);
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  std::erase_if(entry.waiters, [&](const auto& waiter) { return waiter.who == who; });
  if (entry.wanted() || !entry.next_try.scheduled()) return;
  timers_.Cancel(entry.next_try);
  entry.fetching = false;
  entry.endpoint.reset();
}

void TokenCache::Drop(const Credential& credential, std::string_view token) {
  const auto found = entries_.find(credential);
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  if (!entry.token || entry.token->grant.token != token) return;
  entry.token.reset();
  // The first goes at once. A platform that refuses every token must not make us fetch one per call.
  entry.fetch_from_ms = std::max(clock_.MonotonicMs(), entry.fetch_from_ms + kErrorRestMs);
}

TokenCache::Entry* TokenCache::Find(const Credential& credential) {
  auto found = entries_.find(credential);
  if (found == entries_.end()) {
    if (entries_.size() >= most_credentials_) {
      auto oldest = entries_.end();
      for (auto it = entries_.begin(); it != entries_.end(); ++it) {
        if (it->second->fetching) continue;
        if (oldest == entries_.end() || it->second->used < oldest->second->used) oldest = it;
      }
      if (oldest == entries_.end()) return nullptr;
      entries_.erase(oldest);
    }
    found = entries_.emplace(credential, nullptr).first;
    found->second = std::make_unique<Entry>(*this, found->first);
  }
  found->second->used = ++uses_;
  return found->second.get();
}

void TokenCache::Begin(Entry& entry, std::shared_ptr<TokenEndpoint> endpoint) {
  const std::int64_t now_ms = clock_.MonotonicMs();
  entry.fetching = true;
  entry.ahead = entry.waiters.empty();
  entry.endpoint = std::move(endpoint);
  entry.failed_tries = 0;
  entry.begun_ms = std::max(now_ms, entry.fetch_from_ms);
  if (entry.begun_ms > now_ms) return timers_.Schedule(entry.next_try, entry.begun_ms);
  Send(entry);
}

void TokenCache::Send(Entry& entry) {
  auto on_reply = [this, alive = std::weak_ptr(alive_), &entry,
                   asked = Moment(clock_)](Result<TokenReply> reply) {
    if (alive.expired()) return;
    const bool answered = reply.ok();
    Result<TokenGrant> grant = Judge(std::move(reply), entry.credential.scope);
    if (!grant) return Fail(entry, std::move(grant.error()), answered);
    entry.fetching = false;
    const auto done_with = std::exchange(entry.endpoint, nullptr);
    entry.refresh_from_ms = kAnyTime;
    entry.token = Token{*grant, asked, chance_()};
    // From here on a callback may have destroyed the cache, and this function with it.
    const TokenGrant ours = std::move(*grant);
    for (Entry::Waiter& waiter : std::exchange(entry.waiters, {})) {
      waiter.callback(ForScopes(ours, waiter.required_scopes));
    }
  };
  entry.endpoint->Post(BuildTokenRequest(entry.credential), std::move(on_reply));
}

// `answered`: it was the server that said so.
void TokenCache::Fail(Entry& entry, Error error, bool answered) {
  const std::int64_t now_ms = clock_.MonotonicMs();
  error.attempts = ++entry.failed_tries;
  const auto delay_ms =
      retry::NextDelayMs(policy_, error, entry.failed_tries, now_ms - entry.begun_ms, chance_());
  if (delay_ms && entry.wanted()) return timers_.Schedule(entry.next_try, now_ms + *delay_ms);
  std::int64_t rest_ms = 0;
  if (!MayPass(error)) {
    rest_ms = kErrorRestMs;
  } else if (error.retry_after_ms >= 0) {
    rest_ms = std::min(error.retry_after_ms, policy_.max_retry_after_ms);
  }
  entry.fetching = false;
  const auto tried = std::exchange(entry.endpoint, nullptr);
  entry.error = error;
  entry.error_of = answered ? nullptr : tried.get();
  entry.error_until_ms = now_ms + rest_ms;
  entry.refresh_from_ms = now_ms + std::max(rest_ms, kRefreshRestMs);
  auto told = std::exchange(entry.waiters, {});
  if (!answered) {
    const auto others = std::stable_partition(told.begin(), told.end(),
                                              [&](const auto& waiter) { return waiter.endpoint == tried; });
    entry.waiters.assign(std::move_iterator(others), std::move_iterator(told.end()));
    told.erase(others, told.end());
    if (!entry.waiters.empty()) Begin(entry, entry.waiters.front().endpoint);
  }
  for (Entry::Waiter& waiter : told) waiter.callback(error);
}

}  // namespace trunkline::oauth
