#include "read_options.h"

#include "convert.h"

namespace trunkline::binding {
namespace {

// [429, 503, 'network', 'timeout'] or undefined.
std::optional<retry::RetryOn> ReadRetryOn(const Napi::Object& object) {
  const Napi::Value value = object.Get("on");
  if (!value.IsArray()) return std::nullopt;
  const auto list = value.As<Napi::Array>();
  retry::RetryOn on;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value one = list[i];
    if (one.IsNumber()) {
      on.statuses.push_back(one.As<Napi::Number>().Int32Value());
    } else if (one.IsString()) {
      (one.As<Napi::String>().Utf8Value() == "network" ? on.network : on.timeout) = true;
    }
  }
  return on;
}

}  // namespace

std::optional<net::Proxy> ReadProxy(Napi::Env env, const Napi::Object& options, const char* name) {
  const std::string url = GetString(options, name, "");
  if (url.empty()) return std::nullopt;
  return OrThrow(env, net::ParseProxyUrl(url));
}

net::ClientOptions ReadClientOptions(Napi::Env env, const Napi::Object& options) {
  net::ClientOptions client;
  client.base = OrThrow(env, net::ParseBaseUrl(GetString(options, "baseUrl")));
  client.proxy = ReadProxy(env, options, "proxy");
  client.allow_insecure = GetBoolean(options, "allowInsecure");
  client.max_connections = GetSize(options, "maxConnections");
  client.connect_timeout_ms = GetInteger(options, "connectTimeoutMs");
  client.limits.max_body_bytes = GetSize(options, "maxResponseBytes");
  const Napi::Object tls = GetObject(options, "tls");
  client.tls = {.trusted_pem = GetString(tls, "trusted"),
                .cert_pem = GetString(tls, "cert", ""),
                .key_pem = GetString(tls, "key", ""),
                .verify = GetBoolean(tls, "verify")};
  return client;
}

void ReadLimits(const Napi::Object& options, delivery::ExchangeOptions& read) {
  if (options.Get("rateLimit").IsObject()) {
    const Napi::Object limit = GetObject(options, "rateLimit");
    read.rate_limit = {.requests = GetInteger(limit, "requests"), .per_ms = GetInteger(limit, "perMs")};
  }
  if (options.Get("breaker").IsObject()) {
    const Napi::Object breaker = GetObject(options, "breaker");
    read.breaker = {.failures = static_cast<int>(GetInteger(breaker, "failures")),
                    .window_ms = GetInteger(breaker, "windowMs"),
                    .open_ms = GetInteger(breaker, "openMs")};
  }
}

retry::Policy ReadPolicy(const Napi::Object& object) {
  const std::string jitter = GetString(object, "jitter");
  return {.attempts = static_cast<int>(GetInteger(object, "attempts")),
          .base_ms = GetInteger(object, "baseMs"),
          .factor = GetNumber(object, "factor"),
          .max_ms = GetInteger(object, "maxMs"),
          .jitter = jitter == "none"    ? retry::Jitter::kNone
                    : jitter == "full"  ? retry::Jitter::kFull
                    : jitter == "equal" ? retry::Jitter::kEqual
                                        : retry::Jitter::kAdd,
          .jitter_add_ms = GetInteger(object, "jitterAddMs"),
          .max_elapsed_ms = GetInteger(object, "maxElapsedMs"),
          .max_retry_after_ms = GetInteger(object, "maxRetryAfterMs"),
          .on = ReadRetryOn(object)};
}

}  // namespace trunkline::binding
