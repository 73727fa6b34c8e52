// Credentials: which of them share a token.
#include "oauth/credential.h"

#include <gtest/gtest.h>

namespace trunkline::oauth {
namespace {

TEST(Credential, EveryPartThatMakesATokenAnotherOneCounts) {
  const Credential base{.token_url = "https://login.example", .client_id = "id", .client_secret = "secret"};
  const auto differs = [&](auto change) {
    Credential other = base;
    change(other);
    return !SharesToken()(base, other) && CredentialHash()(base) != CredentialHash()(other);
  };
  EXPECT_TRUE(differs([](Credential& c) { c.token_url += "/other"; }));
  EXPECT_TRUE(differs([](Credential& c) { c.issuer = "https://login.example"; }));
  EXPECT_TRUE(differs([](Credential& c) { c.client_id += "x"; }));
  EXPECT_TRUE(differs([](Credential& c) { c.client_secret += "x"; }));
  EXPECT_TRUE(differs([](Credential& c) { c.scope += "x"; }));
  EXPECT_TRUE(differs([](Credential& c) { c.client_auth = ClientAuth::kBody; }));
  EXPECT_TRUE(differs([](Credential& c) { c.grant = Grant::kPassword; }));
  EXPECT_TRUE(differs([](Credential& c) { c.username += "x"; }));
  EXPECT_TRUE(differs([](Credential& c) { c.password += "x"; }));
  EXPECT_FALSE(differs([](Credential& c) { c.refresh_before_ms = 1, c.required_scopes = {"x"}; }));
}

}  // namespace
}  // namespace trunkline::oauth
