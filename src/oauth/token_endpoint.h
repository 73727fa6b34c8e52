// What tokens are fetched through.
#pragma once

#include <functional>

#include "base/result.h"
#include "oauth/token_request.h"
#include "oauth/token_response.h"

namespace trunkline::oauth {

// One way to one token server, with the trust and the proxy of those who use it: one try of one request.
class TokenEndpoint {
 public:
  using Callback = std::function<void(Result<TokenReply>)>;
  virtual ~TokenEndpoint() = default;

  // Any status is a success here. Failures are those of the network, in time and without a secret in their
  // message. The callback runs once, later, never inside the call; it may still run when the cache that asked
  // is gone, and may let go of the endpoint.
  virtual void Post(const TokenRequest& request, Callback callback) = 0;
};

}  // namespace trunkline::oauth
