// The token request: byte for byte as RFC 6749 writes it, whatever the secrets are made of.
#include "oauth/token_request.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "crypto/encoding.h"

namespace trunkline::oauth {
namespace {

Credential Client(std::string scope = {}) {
  return {.token_url = "https://login.example/oauth/token",
          .client_id = "s6BhdRkqt3",
          .client_secret = "7Fjfp0ZBr1KtDRbnfVdmIw",
          .scope = std::move(scope)};
}

std::string Header(const TokenRequest& request, std::string_view name) {
  for (const auto& [header, value] : request.headers) {
    if (header == name) return value;
  }
  return "(none)";
}

// The inverse of FormEncode, by the standard's parser.
std::string FormDecode(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      plain += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

TEST(TokenRequest, BasicIsTheExampleOfRfc6749) {
  const TokenRequest request = BuildTokenRequest(Client());
  EXPECT_EQ(Header(request, "Authorization"), "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
  EXPECT_EQ(Header(request, "Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body, "grant_type=client_credentials");
  EXPECT_EQ(request.url_query, "");
}

TEST(TokenRequest, BasicEncodesIdAndSecretBeforeItJoinsThem) {
  Credential client = Client();
  client.client_id = "a:b c";
  client.client_secret = "p%w+ü";
  const std::string header = Header(BuildTokenRequest(client), "Authorization");
  const auto pair = crypto::Decode(header.substr(6), crypto::Encoding::kBase64);
  ASSERT_TRUE(pair);
  EXPECT_EQ(AsText(*pair), "a%3Ab+c:p%25w%2B%C3%BC");
}

TEST(TokenRequest, ScopeIsSentWhereItIsAskedFor) {
  const Credential client = Client("interaction:read interaction:write");
  EXPECT_EQ(BuildTokenRequest(client).body,
            "grant_type=client_credentials&scope=interaction%3Aread+interaction%3Awrite");
}

TEST(TokenRequest, BodyHoldsTheClient) {
  Credential client = Client();
  client.client_auth = ClientAuth::kBody;
  client.client_secret = "a&b=c";
  const TokenRequest request = BuildTokenRequest(client);
  EXPECT_EQ(request.body, "grant_type=client_credentials&client_id=s6BhdRkqt3&client_secret=a%26b%3Dc");
  EXPECT_EQ(request.url_query, "");
  EXPECT_EQ(Header(request, "Authorization"), "(none)");
}

TEST(TokenRequest, QueryHoldsTheWholeFormAndTheBodyNothing) {
  Credential client = Client("profile");
  client.client_auth = ClientAuth::kQuery;
  const TokenRequest request = BuildTokenRequest(client);
  EXPECT_EQ(request.url_query,
            "grant_type=client_credentials&scope=profile&client_id=s6BhdRkqt3&client_secret="
            "7Fjfp0ZBr1KtDRbnfVdmIw");
  EXPECT_EQ(request.body, "");
  EXPECT_EQ(Header(request, "Authorization"), "(none)");
}

TEST(TokenRequest, PasswordGrantNamesTheUserToo) {
  Credential client = Client("profile");
  client.grant = Grant::kPassword;
  client.username = "access key";
  client.password = "p&ss";
  const TokenRequest request = BuildTokenRequest(client);
  EXPECT_EQ(request.body, "grant_type=password&username=access+key&password=p%26ss&scope=profile");
  EXPECT_TRUE(Header(request, "Authorization").starts_with("Basic "));
}

TEST(TokenRequest, NothingBreaksOutOfAHeaderOrTheForm) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const ClientAuth auth : {ClientAuth::kBasic, ClientAuth::kBody, ClientAuth::kQuery}) {
    const Credential client{.token_url = "https://x",
                            .client_id = all,
                            .client_secret = all,
                            .scope = all,
                            .client_auth = auth,
                            .grant = Grant::kPassword,
                            .username = all,
                            .password = all};
    const TokenRequest request = BuildTokenRequest(client);
    std::string text = request.body + request.url_query;
    for (const auto& [name, value] : request.headers) text += name + value;
    for (const char c : text) ASSERT_TRUE(c >= ' ' && c < '\x7F');
    const std::string form = request.body + request.url_query;
    EXPECT_EQ(std::count(form.begin(), form.end(), '&'), auth == ClientAuth::kBasic ? 3 : 5);
  }
}

TEST(TokenRequest, FormEncodingLeavesExactlyTheStandardsCharacters) {
  std::string plain;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    const std::string encoded = FormEncode(one);
    EXPECT_EQ(FormDecode(encoded), one);
    if (encoded == one) plain += one;
    EXPECT_EQ(encoded.size(), encoded == one || byte == ' ' ? 1U : 3U);
  }
  EXPECT_EQ(plain, "*-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(FormEncode(" ~\xFF/"), "+%7E%FF%2F");
}

}  // namespace
}  // namespace trunkline::oauth
