// The token servers that credentials are fetched from, each with a small pool of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "net/http_client.h"
#include "oauth/token_cache.h"

namespace trunkline::engine {

// Engine thread only.
class TokenEndpoints final : public oauth::TokenEndpoint {
 public:
  // `later` runs a function in a turn of its own.
  TokenEndpoints(net::Context& context, std::function<void(std::function<void()>)> later)
      : context_(context), later_(std::move(later)) {}

  // Makes a token URL reachable, with the TLS options of the client that wants it first.
  // CONFIG_INVALID for a URL or options that cannot work.
  Status Provide(const std::string& token_url, const net::TlsOptions& tls, bool allow_insecure);

  void Post(const std::string& token_url, const oauth::TokenRequest& request, Callback callback) override;

 private:
  net::Context& context_;
  const std::function<void(std::function<void()>)> later_;
  std::map<std::string, std::unique_ptr<net::HttpClient>>
      clients_;  // by token URL; a program knows a handful
};

}  // namespace trunkline::engine
