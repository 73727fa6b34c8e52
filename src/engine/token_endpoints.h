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
#include "oauth/token_cache.h"

namespace trunkline::engine {

// Engine thread only, and what it provides as well.
class TokenEndpoints {
 public:
  // `later` runs a function in a turn of its own.
  TokenEndpoints(net::Context& context, std::function<void(std::function<void()>)> later)
      : context_(context), later_(std::move(later)) {}

  // The way to a token URL. Shared with everyone who goes there with the same trust and through the same
  // proxy, and nobody else; gone when nobody holds it. CONFIG_INVALID for a URL or options that cannot work.
  Result<std::shared_ptr<oauth::TokenEndpoint>> Provide(const std::string& token_url,
                                                        const net::TlsOptions& tls,
                                                        const std::optional<net::Proxy>& proxy,
                                                        bool allow_insecure);

 private:
  class Endpoint;

  net::Context& context_;
  const std::function<void(std::function<void()>)> later_;
  std::vector<std::weak_ptr<Endpoint>> endpoints_;  // a program knows a handful
};

}  // namespace trunkline::engine
