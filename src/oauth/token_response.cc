#include "oauth/token_response.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/bytes.h"
#include "json/object_fields.h"

namespace trunkline::oauth {
namespace {

using json::Member;

constexpr double kLongestLifetimeSeconds = 1e9;  // 31 years; more is a mistake of the server's

// The error codes of RFC 6749, 5.2: the only words of a server that are repeated. Its free text may repeat
// our secret.
constexpr std::string_view kErrorNames[] = {"invalid_request",     "invalid_client",         "invalid_grant",
                                            "unauthorized_client", "unsupported_grant_type", "invalid_scope"};

std::string_view ErrorNameIn(std::string_view body) {
  std::array<Member, 1> members = {{{.name = "error"}}};
  if (!json::PickMembers(AsBytes(body), members, kMaxTokenBytes)) return {};
  const auto* known = std::find(std::begin(kErrorNames), std::end(kErrorNames), members[0].text);
  return known == std::end(kErrorNames) ? std::string_view() : *known;
}

Error Refused(const TokenReply& reply) {
  const std::string_view name = ErrorNameIn(reply.body);
  Error error{.code = CodeForStatus(reply.status),
              .message = "The token server answered " + std::to_string(reply.status),
              .status = reply.status,
              .retry_after_ms = reply.retry_after_ms};
  if (!name.empty()) error.message.append(" (").append(name).append(")");
  if (error.code == ErrorCode::kBadRequest) {
    if (name == "invalid_client" || name == "unauthorized_client" || name == "invalid_grant") {
      error.code = ErrorCode::kAuthenticationFailed;
    } else if (name == "invalid_scope") {
      error.code = ErrorCode::kScopeMissing;
      error.hint =
          "The OAuth client may not ask for this scope. Add the scope to the client, or ask for less.";
    }
  }
  if (error.code == ErrorCode::kAuthenticationFailed) {
    error.hint =
        "The token server refused the client. Check client id, secret and grant, and how the server wants "
        "them sent (clientAuth).";
  } else if (error.code == ErrorCode::kNotFound) {
    error.hint = "There is no token endpoint at the token URL. Check its host and path.";
  }
  return error;
}

// No status: the platform's word stands against it, so the answer counts as damaged on its way, as on the
// wire.
Error Malformed(const std::string& reason) {
  return {
      .code = ErrorCode::kMalformedResponse,
      .message = "The token server's answer is of no use: " + reason,
      .hint =
          "Check that the token URL is the token endpoint itself, and that no proxy answers in its place."};
}

bool IsVisibleAscii(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

std::int64_t LifetimeMs(const Member& expires_in) {
  double seconds = 0;
  if (expires_in.kind == Member::Kind::kNumber) {
    seconds = expires_in.number;
  } else if (expires_in.kind == Member::Kind::kText) {
    std::uint32_t whole = 0;
    const char* end = expires_in.text.data() + expires_in.text.size();
    const auto [stop, problem] = std::from_chars(expires_in.text.data(), end, whole);
    if (problem == std::errc() && stop == end) seconds = whole;
  }
  // In this order a NaN is odd too.
  if (!(seconds >= 1 && seconds <= kLongestLifetimeSeconds)) return kDefaultLifetimeMs;
  return static_cast<std::int64_t>(seconds * 1000);
}

bool Holds(std::string_view scopes, std::string_view scope) {
  while (!scopes.empty()) {
    const std::size_t end = std::min(scopes.find(' '), scopes.size());
    if (scopes.substr(0, end) == scope) return true;
    scopes.remove_prefix(std::min(end + 1, scopes.size()));
  }
  return false;
}

}  // namespace

Result<TokenGrant> ParseTokenReply(const TokenReply& reply, std::string_view asked_scope) {
  if (reply.status < 200 || reply.status > 299) return Refused(reply);

  std::array<Member, 4> members = {
      {{.name = "access_token"}, {.name = "token_type"}, {.name = "expires_in"}, {.name = "scope"}}};
  auto& [token, type, expires_in, scope] = members;
  const Status read = json::PickMembers(AsBytes(reply.body), members, kMaxTokenBytes);
  if (!read) return Malformed(read.error().message);
  if (!IsVisibleAscii(token.text))
    return Malformed("no access_token of at most " + std::to_string(kMaxTokenBytes) +
                     " visible ASCII characters");
  // Many servers leave the type out; one that names another wants a proof that we do not give.
  if (type.kind != Member::Kind::kAbsent && !EqualsIgnoringCase(type.text, "bearer")) {
    return Malformed("token_type is not Bearer");
  }

  TokenGrant grant{.token = std::move(token.text), .lifetime_ms = LifetimeMs(expires_in)};
  if (scope.kind == Member::Kind::kText) {
    grant.scope = std::move(scope.text);
  } else if (!asked_scope.empty()) {
    grant.scope = std::string(asked_scope);
  }
  return grant;
}

Status CheckScopes(const std::optional<std::string>& granted, const std::vector<std::string>& required) {
  if (!granted) return Ok();
  std::string missing;
  for (const std::string& scope : required) {
    if (!Holds(*granted, scope)) missing += (missing.empty() ? "" : " ") + scope;
  }
  if (missing.empty()) return Ok();
  return Error{.code = ErrorCode::kScopeMissing,
               .message = "The token was granted without the scope " + missing,
               .hint = "Add the scope " + missing + " to the OAuth client."};
}

}  // namespace trunkline::oauth
