// Options that several classes share, as lib/ hands them over.
#pragma once

#include <napi.h>

#include <optional>

#include "delivery/exchange.h"
#include "net/http_client.h"
#include "retry/policy.h"

namespace trunkline::binding {

// A proxy's URL, as lib/proxy.js gives it; undefined: none.
std::optional<net::Proxy> ReadProxy(Napi::Env env, const Napi::Object& options, const char* name);

// { baseUrl, proxy?, allowInsecure, maxConnections, connectTimeoutMs, maxResponseBytes, tls: { trusted,
// cert?, key?, verify } }
net::ClientOptions ReadClientOptions(Napi::Env env, const Napi::Object& options);

// { rateLimit?: { requests, perMs }, breaker?: { failures, windowMs, openMs } }
void ReadLimits(const Napi::Object& options, delivery::ExchangeOptions& read);

// What lib/retry-policy.js gives.
retry::Policy ReadPolicy(const Napi::Object& object);

}  // namespace trunkline::binding
