// Options that several classes share, as lib/ hands them over.
#pragma once

#include <napi.h>

#include "net/http_client.h"
#include "retry/policy.h"

namespace trunkline::binding {

// { baseUrl, allowInsecure, maxConnections, connectTimeoutMs, maxResponseBytes, tls: { trusted, cert?, key?,
// verify } }
net::ClientOptions ReadClientOptions(Napi::Env env, const Napi::Object& options);

// What lib/retry-policy.js gives.
retry::Policy ReadPolicy(const Napi::Object& object);

}  // namespace trunkline::binding
