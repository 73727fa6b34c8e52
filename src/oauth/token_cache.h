// Access tokens: fetched once for everyone who waits, kept while they last, replaced before they end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "oauth/credential.h"
#include "oauth/token_endpoint.h"
#include "oauth/token_request.h"
#include "oauth/token_response.h"
#include "retry/policy.h"
#include "retry/timer_wheel.h"

namespace trunkline::oauth {

// Lifetimes count from the moment the request was sent, and by whichever clock says that more time has
// passed: the wall clock goes on while a process is frozen, the monotonic one is not set back. They are
// judged when a token is asked for, not by timers, so that a process that thaws is right at once.
//
// A token is due to be replaced refresh_before_ms before its end; by default, or where that is not shorter
// than its lifetime, 300 s before, or after 80 % of a lifetime under 25 min; and by chance up to 2 % of that
// earlier, so that processes that started together do not refresh together. From then on the next Get starts
// a refresh, and the old token is served as long as it lasts, also when the refresh fails; then there is no
// further refresh for kRefreshRestMs. With a refresh_before_ms of 0 a token is served to its very end, and
// nothing is fetched but for somebody who waits.
//
// A failed fetch is tried again as the policy says; those who wait then get its error. To spare the server:
//  - A final error (a wrong secret, a missing scope) answers everyone for kErrorRestMs.
//  - A retryable one is not remembered, unless it came with a Retry-After: that answers everyone until then,
//    but no longer than the policy's max_retry_after_ms.
//  - An error of the way there, a refused certificate for instance, answers only those who go the same way;
//  for
//    others who wait the fetch is made anew, on theirs.
//  - Of tokens dropped in quick succession the first is replaced at once, the others one per kErrorRestMs.
//
// Everything on one thread, that of the wheel. Whoever destroys the cache drops those who wait, uncalled.
class TokenCache {
 public:
  using Callback = std::function<void(Result<std::string>)>;

  static constexpr std::int64_t kErrorRestMs = 1000;
  static constexpr std::int64_t kRefreshRestMs = 10'000;
  static constexpr std::size_t kMostCredentials = 1024;

  // Clock and timers outlive the cache. `chance` gives numbers in [0, 1).
  TokenCache(const Clock& clock, retry::TimerWheel& timers, std::function<double()> chance,
             retry::Policy policy = {}, std::size_t most_credentials = kMostCredentials);
  ~TokenCache();
  TokenCache(const TokenCache&) = delete;
  TokenCache& operator=(const TokenCache&) = delete;

  // Calls back once with a token that holds the required scopes, or an error: what ParseTokenReply,
  // CheckScopes or the endpoint says, `attempts` counted; or QUEUE_FULL when `most_credentials` are all being
  // fetched (else the one used longest ago makes room). A token or error at hand is handed over inside this
  // call; everything else later. The callback may use the cache, and destroy it. `endpoint` leads to the
  // credential's token URL; it is held until the fetch that it is used for has ended. `who` is for Leave
  // alone.
  void Get(const Credential& credential, const std::shared_ptr<TokenEndpoint>& endpoint, Callback callback,
           const void* who = nullptr);

  // `who` waits no longer, and is not called. For nobody there is no further try: a request under way is left
  // to its end, and its token kept.
  void Leave(const Credential& credential, const void* who);

  // The platform refused `token` (401): the next Get fetches another. Nothing happens unless it is the one
  // held now, so that of many calls that failed with one token the first alone makes a fetch necessary.
  void Drop(const Credential& credential, std::string_view token);

 private:
  struct Entry;

  Entry* Find(const Credential& credential);  // nullptr: no room
  void Begin(Entry& entry, std::shared_ptr<TokenEndpoint> endpoint);
  void Send(Entry& entry);
  void Fail(Entry& entry, Error error, bool answered);

  const Clock& clock_;
  retry::TimerWheel& timers_;
  const std::function<double()> chance_;
  const retry::Policy policy_;
  const std::size_t most_credentials_;
  std::uint64_t uses_ = 0;
  std::unordered_map<Credential, std::unique_ptr<Entry>, CredentialHash, SharesToken> entries_;
  std::shared_ptr<const bool> alive_ =
      std::make_shared<const bool>(true);  // what answers of the endpoint look at
};

}  // namespace trunkline::oauth
