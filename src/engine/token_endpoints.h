// The ways to the token servers that credentials are fetched from, each with a small pool of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/http_client.h"
#include "oauth/credential.h"
#include "oauth/token_endpoint.h"

namespace trunkline::engine {

// Engine thread only, and what it provides as well, which does not outlive it.
class TokenEndpoints {
 public:
  // `later` runs a function in a turn of its own.
  TokenEndpoints(net::Context& context, std::function<void(std::function<void()>)> later)
      : context_(context), later_(std::move(later)) {}

  // The way to a credential's token URL, or to its issuer and on to the token URL which that one names.
  // Shared with everyone who goes there with the same trust and through the same proxy, and nobody else; gone
  // when nobody holds it. CONFIG_INVALID for a URL or options that cannot work.
  Result<std::shared_ptr<oauth::TokenEndpoint>> Provide(const oauth::Credential& credential,
                                                        const net::TlsOptions& tls,
                                                        const std::optional<net::Proxy>& proxy,
                                                        bool allow_insecure);

 private:
  class Server;
  class Endpoint;
  class Issuer;
  struct Known {
    bool issuer;
    net::ClientOptions options;
    std::weak_ptr<oauth::TokenEndpoint> way;
  };

  Result<std::shared_ptr<oauth::TokenEndpoint>> Open(const std::string& url, bool issuer,
                                                     const net::TlsOptions& tls,
                                                     const std::optional<net::Proxy>& proxy,
                                                     bool allow_insecure);

  net::Context& context_;
  const std::function<void(std::function<void()>)> later_;
  std::vector<Known> known_;  // a program knows a handful
};

}  // namespace trunkline::engine
