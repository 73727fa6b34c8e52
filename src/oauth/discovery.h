// Where an issuer gives its tokens: OpenID Connect Discovery 1.0, section 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "oauth/token_endpoint.h"
#include "oauth/token_request.h"
#include "oauth/token_response.h"

namespace trunkline::oauth {

// The token endpoint that an issuer's configuration names. Errors:
//   no JSON object, or without a token_endpoint of at most kMaxTokenUrlBytes    MALFORMED_RESPONSE, status 0
//   it names another issuer than the one asked for (4.3)                        CONFIG_INVALID
//   a status outside 2xx                                                        as CodeForStatus says
// A slash at the end of an issuer does not make it another one. Messages repeat nothing of the answer.
Result<std::string> ParseConfiguration(const TokenReply& reply, std::string_view issuer);

constexpr std::size_t kMaxTokenUrlBytes = 2048;

// The way to one issuer, with the trust and the proxy of those who use it.
class IssuerWay {
 public:
  using Callback = std::function<void(Result<TokenReply>)>;
  virtual ~IssuerWay() = default;

  // One GET of the issuer's /.well-known/openid-configuration (4.1); otherwise like TokenEndpoint::Post.
  virtual void GetConfiguration(Callback callback) = 0;

  // The way on to its token endpoint, with the same trust. CONFIG_INVALID unless that is an https URL, or an
  // http one on loopback: client and secret go there.
  virtual Result<std::shared_ptr<TokenEndpoint>> Open(const std::string& token_url) = 0;

  // Runs `job` in a turn of its own.
  virtual void Later(std::function<void()> job) = 0;
};

// The token endpoint that an issuer names. What its configuration says holds for kLifetimeMs, by whichever
// clock says that more time has passed; an error answers everyone for kErrorRestMs, and whether to try again
// is the asker's matter. One request serves all who wait for it. One thread.
class DiscoveredEndpoint final : public TokenEndpoint {
 public:
  static constexpr std::int64_t kLifetimeMs = 24 * 3'600'000;
  static constexpr std::int64_t kErrorRestMs = 1000;

  // `clock` outlives it.
  DiscoveredEndpoint(const Clock& clock, std::string issuer, std::unique_ptr<IssuerWay> way);
  ~DiscoveredEndpoint() override;  // drops those who wait for the configuration, uncalled

  // Besides the endpoint's own failures: what ParseConfiguration says, and MALFORMED_RESPONSE when the
  // token endpoint that it names cannot be used.
  void Post(const TokenRequest& request, Callback callback) override;

 private:
  using Found = Result<std::shared_ptr<TokenEndpoint>>;
  struct Waiter {
    TokenRequest request;
    Callback callback;
  };

  bool Knows() const;
  void Ask();
  Found Judge(Result<TokenReply> reply);

  const Clock& clock_;
  const std::string issuer_;
  const std::unique_ptr<IssuerWay> way_;
  std::optional<Found> found_;
  std::optional<Moment> asked_;
  std::vector<Waiter> waiters_;  // while the configuration is asked for
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // what late answers look at
};

}  // namespace trunkline::oauth
