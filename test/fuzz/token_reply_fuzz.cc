// Fuzzes ParseTokenReply and CheckScopes: whatever a token server says, a token that comes out can stand in a
// header, and no error repeats it. The input's lines: the status, the scope that was asked for; the rest is
// the body.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "oauth/token_response.h"
#include "require.h"

namespace {

using trunkline::Describe;
using trunkline::Error;
using trunkline::ErrorCode;
using trunkline::fuzz::Require;
using trunkline::fuzz::TakeUntil;
using namespace trunkline::oauth;

void CheckError(const Error& error, int status) {
  const bool success = status >= 200 && status <= 299;
  Require(error.status == (success ? 0 : status), "the status that came");
  Require(error.message.size() < 200, "messages repeat nothing of the answer");
  for (const char c : error.message) Require(c >= ' ' && c < 0x7f, "messages are plain text");
  if (success) Require(error.code == ErrorCode::kMalformedResponse, "a success without a token is malformed");
  if (status == 401) Require(error.code == ErrorCode::kAuthenticationFailed, "401");
  if (status == 403) Require(error.code == ErrorCode::kAuthorizationFailed, "403");
  if (status >= 500 && status <= 599) Require(error.code == ErrorCode::kUpstreamError, "5xx");
}

void CheckGrant(const TokenGrant& grant, std::string_view asked) {
  Require(!grant.token.empty() && grant.token.size() <= kMaxTokenBytes, "a token within its bound");
  for (const char c : grant.token) Require(c > ' ' && c < 0x7f, "a token can stand in a header");
  Require(grant.lifetime_ms >= 1000 && grant.lifetime_ms <= 1'000'000'000'000, "a lifetime within reason");
  Require(!grant.scope || grant.scope->size() <= std::max(kMaxTokenBytes, asked.size()),
          "a scope within its bound");
  Require(asked.empty() || grant.scope.has_value(), "what was asked for is known to be granted, or not");

  std::vector<std::string> required;
  for (std::string_view words = asked; !words.empty();) {
    if (const std::string_view word = TakeUntil(' ', words); !word.empty()) required.emplace_back(word);
  }
  const auto scopes = CheckScopes(grant.scope, required);
  bool all = true;
  for (const std::string& word : required) {
    all = all && (!grant.scope || (" " + *grant.scope + " ").find(" " + word + " ") != std::string::npos);
  }
  Require(scopes.ok() == all, "every scope that is required, and only those");
  if (!scopes.ok())
    Require(scopes.error().code == ErrorCode::kScopeMissing, "a missing scope is called that");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  TokenReply reply;
  const std::string_view status = TakeUntil('\n', rest);
  std::from_chars(status.data(), status.data() + status.size(), reply.status);
  if (reply.status < 100 || reply.status > 999) reply.status = 200;
  const std::string_view asked = TakeUntil('\n', rest);
  reply.body = rest;
  const auto grant = ParseTokenReply(reply, asked);
  if (grant.ok()) {
    Require(reply.status >= 200 && reply.status <= 299, "only a success grants");
    CheckGrant(*grant, asked);
  } else {
    CheckError(grant.error(), reply.status);
  }
  return 0;
}
