// The token server's answer: what counts as a grant, which error everything else is, and that none of it
// leaks.
#include "oauth/token_response.h"

#include <gtest/gtest.h>

#include <string>

namespace trunkline::oauth {
namespace {

Result<TokenGrant> Parse(int status, std::string body, std::string_view asked = "") {
  return ParseTokenReply({.status = status, .body = std::move(body)}, asked);
}

std::string With(const std::string& members) {
  return R"({"access_token":"t-1","token_type":"Bearer")" + (members.empty() ? "" : "," + members) + "}";
}

std::int64_t LifetimeOf(const std::string& expires_in) {
  const auto grant = Parse(200, With("\"expires_in\":" + expires_in));
  return grant ? grant->lifetime_ms : -1;
}

ErrorCode CodeOf(const Result<TokenGrant>& grant) {
  EXPECT_FALSE(grant.ok());
  return grant.ok() ? ErrorCode::kConfigInvalid : grant.error().code;
}

ErrorCode CodeOf(int status, const std::string& name) {
  return CodeOf(Parse(status, "{\"error\":\"" + name + "\"}"));
}

TEST(TokenResponse, AGrant) {
  const auto grant = Parse(
      200, R"({"access_token":"abc.DEF-1_~+/=","token_type":"bearer","expires_in":3600,"scope":"a b"})");
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->token, "abc.DEF-1_~+/=");
  EXPECT_EQ(grant->lifetime_ms, 3'600'000);
  EXPECT_EQ(grant->scope, "a b");
  EXPECT_TRUE(Parse(201, With("")));
}

TEST(TokenResponse, LifetimesAreNumbersOrNumericTexts) {
  EXPECT_EQ(LifetimeOf("3600"), 3'600'000);
  EXPECT_EQ(LifetimeOf("\"3600\""), 3'600'000);
  EXPECT_EQ(LifetimeOf("1"), 1000);
  EXPECT_EQ(LifetimeOf("3599.5"), 3'599'500);
  EXPECT_EQ(LifetimeOf("1.8e3"), 1'800'000);
  EXPECT_EQ(LifetimeOf("172800"), 172'800'000);
  EXPECT_EQ(LifetimeOf("1000000000"), 1'000'000'000'000);
}

TEST(TokenResponse, MissingOrOddLifetimesCountAsFiveMinutes) {
  EXPECT_EQ(Parse(200, With(""))->lifetime_ms, kDefaultLifetimeMs);
  for (const char* odd : {"0",
                          "-1",
                          "-3600",
                          "0.5",
                          "1e999",
                          "-1e999",
                          "1000000001",
                          "18446744073709551615",
                          "null",
                          "true",
                          "[]",
                          "{}",
                          "[3600]",
                          "\"\"",
                          "\"-5\"",
                          "\"0\"",
                          "\"abc\"",
                          "\"3600s\"",
                          "\" 3600\"",
                          "\"1e3\"",
                          "\"0x10\"",
                          "\"NaN\"",
                          "\"Infinity\"",
                          "\"99999999999999999999\"",
                          "\"+5\"",
                          "\"3600\\u0000\""}) {
    EXPECT_EQ(LifetimeOf(odd), 300'000) << odd;
  }
}

TEST(TokenResponse, WithoutAScopeWhatWasAskedIsGranted) {
  EXPECT_EQ(Parse(200, With(""), "a b")->scope, "a b");
  EXPECT_EQ(Parse(200, With("\"scope\":null"), "a b")->scope, "a b");
  EXPECT_EQ(Parse(200, With("\"scope\":\"a\""), "a b")->scope, "a");
  EXPECT_EQ(Parse(200, With("\"scope\":\"\""), "a b")->scope, "") << "said to be nothing";
  EXPECT_EQ(Parse(200, With(""), "")->scope, std::nullopt) << "the server's default, unknown";
}

TEST(TokenResponse, OnlyATokenThatCanStandInAHeaderIsOne) {
  for (const char* token : {"\"\"", "null", "7", "[\"t\"]", "\"a b\"", "\"a\\r\\nX: y\"", "\"a\\u0000b\"",
                            "\"t\\u00fc\"", "\"t\\u007f\"", "\"\\tt\""}) {
    const auto grant = Parse(200, "{\"access_token\":" + std::string(token) + ",\"token_type\":\"Bearer\"}");
    EXPECT_EQ(CodeOf(grant), ErrorCode::kMalformedResponse) << token;
  }
  const auto of_size = [](std::size_t size) {
    return Parse(200, "{\"access_token\":\"" + std::string(size, 'x') + "\"}");
  };
  EXPECT_TRUE(of_size(kMaxTokenBytes));
  EXPECT_EQ(CodeOf(of_size(kMaxTokenBytes + 1)), ErrorCode::kMalformedResponse);
}

TEST(TokenResponse, TheTypeIsBearerInAnyCaseOrLeftOut) {
  for (const char* type : {"Bearer", "bearer", "BEARER"}) {
    EXPECT_TRUE(Parse(200, R"({"access_token":"t","token_type":")" + std::string(type) + "\"}"));
  }
  EXPECT_TRUE(Parse(200, R"({"access_token":"t"})"));
  for (const char* type : {"\"mac\"", "\"DPoP\"", "\"\"", "\"bearer \"", "7", "null"}) {
    const auto grant = Parse(200, R"({"access_token":"t","token_type":)" + std::string(type) + "}");
    EXPECT_EQ(CodeOf(grant), ErrorCode::kMalformedResponse) << type;
  }
}

TEST(TokenResponse, NonsenseWith200IsMalformed) {
  for (const char* body :
       {"", "<html>Welcome to our hotel</html>", "[]", "{}", "null", "{\"access_token\":", "ok",
        R"({"token":"t"})", R"({"data":{"access_token":"t"}})", R"({"error":"invalid_client"})"}) {
    const auto grant = Parse(200, body);
    EXPECT_EQ(CodeOf(grant), ErrorCode::kMalformedResponse) << body;
    EXPECT_EQ(grant.error().status, 0) << "as damaged on the wire, so that it is tried again";
  }
}

TEST(TokenResponse, RefusedClients) {
  for (const char* name : {"invalid_client", "unauthorized_client", "invalid_grant"}) {
    EXPECT_EQ(CodeOf(400, name), ErrorCode::kAuthenticationFailed) << name;
    EXPECT_EQ(CodeOf(401, name), ErrorCode::kAuthenticationFailed) << name;
    EXPECT_EQ(CodeOf(403, name), ErrorCode::kAuthorizationFailed) << name;
  }
  EXPECT_EQ(CodeOf(Parse(401, "")), ErrorCode::kAuthenticationFailed);
  EXPECT_EQ(CodeOf(Parse(403, "")), ErrorCode::kAuthorizationFailed);
  EXPECT_EQ(CodeOf(400, "invalid_scope"), ErrorCode::kScopeMissing);
  EXPECT_EQ(CodeOf(400, "invalid_request"), ErrorCode::kBadRequest);
  EXPECT_EQ(CodeOf(400, "unsupported_grant_type"), ErrorCode::kBadRequest);
  EXPECT_EQ(CodeOf(Parse(400, "<html>")), ErrorCode::kBadRequest);
  EXPECT_EQ(CodeOf(Parse(404, "")), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(Parse(302, "")), ErrorCode::kUnexpectedStatus);
}

TEST(TokenResponse, FailuresThatMayPassKeepTheirCodeWhateverTheBodySays) {
  for (const char* name : {"invalid_client", "server_error"}) {
    EXPECT_EQ(CodeOf(429, name), ErrorCode::kRateLimited);
    EXPECT_EQ(CodeOf(408, name), ErrorCode::kTimeout);
    for (const int status : {500, 502, 503, 504, 599})
      EXPECT_EQ(CodeOf(status, name), ErrorCode::kUpstreamError);
  }
  const auto limited = ParseTokenReply({.status = 429, .body = {}, .retry_after_ms = 2500}, "");
  EXPECT_EQ(limited.error().retry_after_ms, 2500);
  EXPECT_EQ(limited.error().status, 429);
}

TEST(TokenResponse, MessagesSayStatusAndKnownErrorCode) {
  EXPECT_EQ(Parse(400, R"({"error":"invalid_client","error_description":"secret S3CR3T is wrong"})")
                .error()
                .message,
            "The token server answered 400 (invalid_client)");
  EXPECT_EQ(Parse(401, R"({"error":"S3CR3T"})").error().message, "The token server answered 401");
  EXPECT_EQ(Parse(200, "<html>").error().message,
            "The token server's answer is of no use: not valid JSON (syntax error, at byte 0)");
}

TEST(TokenResponse, NoErrorRepeatsTheAnswer) {
  for (const int status : {200, 204, 302, 400, 401, 403, 404, 429, 500}) {
    for (const char* body :
         {"S3CR3T", "{\"S3CR3T\":S3CR3T}", R"({"error":"S3CR3T","error_description":"S3CR3T"})",
          R"({"error":"invalid_client","error_description":"S3CR3T"})", R"({"access_token":"S3CR3T S3CR3T"})",
          R"({"access_token":"S3CR3T","token_type":"S3CR3T"})"}) {
      const auto grant = Parse(status, body);
      ASSERT_FALSE(grant.ok());
      EXPECT_EQ((grant.error().message + grant.error().hint).find("S3CR3T"), std::string::npos)
          << status << body;
    }
  }
}

TEST(TokenResponse, RequiredScopesAreChecked) {
  EXPECT_TRUE(CheckScopes("a b c", {}));
  EXPECT_TRUE(CheckScopes("a b c", {"c", "a"}));
  EXPECT_TRUE(CheckScopes(" a  b ", {"b"}));
  EXPECT_TRUE(CheckScopes(std::nullopt, {"a"})) << "unknown is not missing";
  const Status missing =
      CheckScopes("customer:profile:read profile", {"customer:profile", "profile", "customer:profile:write"});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kScopeMissing);
  EXPECT_EQ(missing.error().message,
            "The token was granted without the scope customer:profile customer:profile:write");
  EXPECT_FALSE(CheckScopes("", {"a"}));
  EXPECT_FALSE(CheckScopes("A", {"a"}));
  EXPECT_FALSE(CheckScopes("ab", {"a"}));
}

}  // namespace
}  // namespace trunkline::oauth
