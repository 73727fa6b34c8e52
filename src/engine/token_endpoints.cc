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

Status TokenEndpoints::Provide(const std::string& token_url, const net::TlsOptions& tls,
                               bool allow_insecure) {
  auto base = net::ParseBaseUrl(token_url);
  if (!base) return base.error();
  net::ClientOptions options;
  options.base = std::move(*base);
  options.tls = tls;
  options.allow_insecure = allow_insecure;
  options.max_connections = kMaxConnections;
  options.limits.max_body_bytes = kMaxReplyBytes;
  auto client = net::HttpClient::Create(context_, std::move(options));
  if (!client) return client.error();
  // One that is in use stays: to replace it would drop the request that others wait for.
  clients_.try_emplace(token_url, std::move(*client));
  return Ok();
}

void TokenEndpoints::Post(const std::string& token_url, const oauth::TokenRequest& request,
                          Callback callback) {
  const auto found = clients_.find(token_url);
  const auto refuse = [this, &callback](Error error) {
    later_([callback = std::move(callback), error = std::move(error)] { callback(error); });
  };
  if (found == clients_.end())
    return refuse({.code = ErrorCode::kConfigInvalid, .message = "the token URL is not known"});
  net::HttpClient& client = *found->second;
  // The token URL's path is the base's: nothing is to follow it but the query.
  net::BaseUrl base = client.base();
  net::Request post{.method = "POST",
                    .target = std::exchange(base.path, {}),
                    .headers = request.headers,
                    .body = request.body,
                    .has_body = true};
  if (post.target.empty()) post.target += '/';  // not = "/": GCC 12 warns of an overlap that is none
  if (!request.url_query.empty()) post.target += "?" + request.url_query;
  auto wire = net::Serialize(base, post);
  if (!wire) return refuse(std::move(wire.error()));
  client.Send(
      std::move(*wire), false, kTimeoutMs,
      [this, callback = std::move(callback)](Result<net::Response> result) {
        if (!result) return callback(std::move(result.error()));
        oauth::TokenReply reply{.status = result->status, .body = std::move(result->body)};
        if (const auto wait = retry::ParseRetryAfter(result->Header("retry-after"), context_.clock->WallMs()))
          reply.retry_after_ms = *wait;
        callback(std::move(reply));
      });
}

}  // namespace trunkline::engine
