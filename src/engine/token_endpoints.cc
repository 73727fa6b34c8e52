#include "engine/token_endpoints.h"

#include <utility>

#include "base/clock.h"
#include "retry/retry_after.h"

namespace trunkline::engine {
namespace {

constexpr std::int64_t kTimeoutMs = 10'000;
constexpr std::size_t kMaxConnections = 4;  // one request at a time per credential: few are ever wanted
constexpr std::size_t kMaxReplyBytes = 256 * 1024;

}  // namespace

class TokenEndpoints::Endpoint final : public oauth::TokenEndpoint {
 public:
  Endpoint(const TokenEndpoints& owner, std::unique_ptr<net::HttpClient> client)
      : clock_(*owner.context_.clock), later_(owner.later_), client_(std::move(client)) {}

  bool IsFor(const net::ClientOptions& options) const {
    const net::ClientOptions& own = client_->options();
    return options.base == own.base && options.tls == own.tls && options.proxy == own.proxy;
  }

  void Post(const oauth::TokenRequest& request, Callback callback) override {
    // The token URL's path is the base's: nothing is to follow it but the query.
    net::BaseUrl base = client_->options().base;
    net::Request post{.method = "POST",
                      .target = std::exchange(base.path, {}),
                      .headers = request.headers,
                      .body = request.body,
                      .has_body = true};
    if (post.target.empty()) post.target += '/';  // not = "/": GCC 12 warns of an overlap that is none
    if (!request.url_query.empty()) post.target += "?" + request.url_query;
    auto wire = net::Serialize(base, post);
    if (!wire) {
      return later_([callback = std::move(callback), error = std::move(wire.error())] { callback(error); });
    }
    client_->Send(
        std::move(*wire), false, kTimeoutMs,
        [&clock = clock_, callback = std::move(callback)](Result<net::Response> result) {
          if (!result) return callback(std::move(result.error()));
          oauth::TokenReply reply{.status = result->status, .body = std::move(result->body)};
          if (const auto wait = retry::ParseRetryAfter(result->Header("retry-after"), clock.WallMs()))
            reply.retry_after_ms = *wait;
          callback(std::move(reply));
        });
  }

 private:
  const Clock& clock_;
  const std::function<void(std::function<void()>)> later_;
  const std::unique_ptr<net::HttpClient> client_;
};

Result<std::shared_ptr<oauth::TokenEndpoint>> TokenEndpoints::Provide(const std::string& token_url,
                                                                      const net::TlsOptions& tls,
                                                                      const std::optional<net::Proxy>& proxy,
                                                                      bool allow_insecure) {
  auto base = net::ParseBaseUrl(token_url);
  if (!base) return base.error();
  net::ClientOptions options;
  options.base = std::move(*base);
  options.tls = tls;
  options.proxy = proxy;
  options.allow_insecure = allow_insecure;
  options.max_connections = kMaxConnections;
  options.limits.max_body_bytes = kMaxReplyBytes;
  std::erase_if(endpoints_, [](const auto& endpoint) { return endpoint.expired(); });
  for (const auto& known : endpoints_) {
    if (const auto endpoint = known.lock(); endpoint->IsFor(options)) return {endpoint};
  }
  auto client = net::HttpClient::Create(context_, std::move(options));
  if (!client) return client.error();
  const auto endpoint = std::make_shared<Endpoint>(*this, std::move(*client));
  endpoints_.push_back(endpoint);
  return {endpoint};
}

}  // namespace trunkline::engine
