#include "engine/token_endpoints.h"

#include <utility>

#include "base/clock.h"
#include "oauth/discovery.h"
#include "retry/retry_after.h"

namespace trunkline::engine {
namespace {

constexpr std::int64_t kTimeoutMs = 10'000;
constexpr std::size_t kMaxConnections = 4;  // one request at a time per credential: few are ever wanted
constexpr std::size_t kMaxReplyBytes = 256 * 1024;

}  // namespace

// The server of one URL.
class TokenEndpoints::Server {
 public:
  using Callback = oauth::TokenEndpoint::Callback;

  Server(TokenEndpoints& owner, std::unique_ptr<net::HttpClient> client)
      : owner_(owner), client_(std::move(client)) {}

  TokenEndpoints& owner() const { return owner_; }
  const net::ClientOptions& options() const { return client_->options(); }

  // `request.target` follows the URL's own path as it is.
  void Send(net::Request request, Callback callback) {
    net::BaseUrl base = options().base;
    request.target.insert(0, std::exchange(base.path, {}));
    if (!request.target.starts_with('/')) request.target.insert(0, 1, '/');
    auto wire = net::Serialize(base, request);
    if (!wire) {
      return owner_.later_([callback = std::move(callback), error = wire.error()] { callback(error); });
    }
    client_->Send(
        std::move(*wire), false, kTimeoutMs,
        [&clock = *owner_.context_.clock, callback = std::move(callback)](Result<net::Response> result) {
          if (!result) return callback(std::move(result.error()));
          oauth::TokenReply reply{.status = result->status, .body = std::move(result->body)};
          if (const auto wait = retry::ParseRetryAfter(result->Header("retry-after"), clock.WallMs()))
            reply.retry_after_ms = *wait;
          callback(std::move(reply));
        });
  }

 private:
  TokenEndpoints& owner_;
  std::unique_ptr<net::HttpClient> client_;
};

class TokenEndpoints::Endpoint final : public oauth::TokenEndpoint {
 public:
  explicit Endpoint(Server server) : server_(std::move(server)) {}

  void Post(const oauth::TokenRequest& request, Callback callback) override {
    server_.Send({.method = "POST",
                  .target = request.url_query.empty() ? std::string() : "?" + request.url_query,
                  .headers = request.headers,
                  .body = request.body,
                  .has_body = true},
                 std::move(callback));
  }

 private:
  Server server_;
};

class TokenEndpoints::Issuer final : public oauth::IssuerWay {
 public:
  explicit Issuer(Server server) : server_(std::move(server)) {}

  void GetConfiguration(Callback callback) override {
    server_.Send({.target = "/.well-known/openid-configuration"}, std::move(callback));
  }
  Result<std::shared_ptr<oauth::TokenEndpoint>> Open(const std::string& token_url) override {
    return server_.owner().Open(token_url, false, server_.options().tls, server_.options().proxy, false);
  }
  void Later(std::function<void()> job) override { server_.owner().later_(std::move(job)); }

 private:
  Server server_;
};

Result<std::shared_ptr<oauth::TokenEndpoint>> TokenEndpoints::Provide(const oauth::Credential& credential,
                                                                      const net::TlsOptions& tls,
                                                                      const std::optional<net::Proxy>& proxy,
                                                                      bool allow_insecure) {
  if (credential.issuer.empty()) return Open(credential.token_url, false, tls, proxy, allow_insecure);
  return Open(credential.issuer, true, tls, proxy, allow_insecure);
}

Result<std::shared_ptr<oauth::TokenEndpoint>> TokenEndpoints::Open(const std::string& url, bool issuer,
                                                                   const net::TlsOptions& tls,
                                                                   const std::optional<net::Proxy>& proxy,
                                                                   bool allow_insecure) {
  auto base = net::ParseBaseUrl(url);
  if (!base) return base.error();
  net::ClientOptions options;
  options.base = std::move(*base);
  options.tls = tls;
  options.proxy = proxy;
  options.allow_insecure = allow_insecure;
  options.max_connections = kMaxConnections;
  options.limits.max_body_bytes = kMaxReplyBytes;
  std::erase_if(known_, [](const Known& one) { return one.way.expired(); });
  for (const Known& one : known_) {
    if (one.issuer == issuer && one.options.base == options.base && one.options.tls == options.tls &&
        one.options.proxy == options.proxy) {
      return one.way.lock();
    }
  }
  auto client = net::HttpClient::Create(context_, options);
  if (!client) return client.error();
  Server server(*this, std::move(*client));
  std::shared_ptr<oauth::TokenEndpoint> way;
  if (issuer) {
    way = std::make_shared<oauth::DiscoveredEndpoint>(*context_.clock, url,
                                                      std::make_unique<Issuer>(std::move(server)));
  } else {
    way = std::make_shared<Endpoint>(std::move(server));
  }
  known_.push_back({issuer, std::move(options), way});
  return way;
}

}  // namespace trunkline::engine
