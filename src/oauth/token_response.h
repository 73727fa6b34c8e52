// What a token server answers (RFC 6749, 5.1 and 5.2), judged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trunkline::oauth {

constexpr std::size_t kMaxTokenBytes = 16 * 1024;  // of a token, and of a scope
constexpr std::int64_t kDefaultLifetimeMs = 300'000;

// A server's answer as it came. `retry_after_ms`: its Retry-After, -1 when there was none that can be read.
struct TokenReply {
  int status = 0;
  std::string body{};
  std::int64_t retry_after_ms = -1;
};

struct TokenGrant {
  std::string token;                   // visible ASCII, so that it can stand in a header
  std::int64_t lifetime_ms = 0;        // ≥ 1000
  std::optional<std::string> scope{};  // granted, space-separated; nothing: the server left it to its default
};

// A 2xx with a bearer token is a grant. expires_in is a number of seconds or one written as a string;
// missing, below 1 or otherwise odd it counts as 300. Without a scope what was asked for is granted (5.1); an
// empty one grants nothing.
//
//   2xx that holds no token that can be used                                   MALFORMED_RESPONSE, status 0
//   403                                                                        AUTHORIZATION_FAILED
//   401; 4xx with invalid_client, unauthorized_client or invalid_grant         AUTHENTICATION_FAILED
//   4xx with invalid_scope                                                     SCOPE_MISSING
//   429 RATE_LIMITED, 5xx UPSTREAM_ERROR, and whatever else as CodeForStatus says
//
// Messages name the status and the server's error code if RFC 6749 knows it, and repeat nothing else of the
// answer.
Result<TokenGrant> ParseTokenReply(const TokenReply& reply, std::string_view asked_scope);

// SCOPE_MISSING, naming every one of `required` that was not granted. Where the server left the scope to its
// default, nothing is known to be missing.
Status CheckScopes(const std::optional<std::string>& granted, const std::vector<std::string>& required);

}  // namespace trunkline::oauth
