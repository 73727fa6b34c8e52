#include "oauth/token_request.h"

#include "base/bytes.h"
#include "crypto/encoding.h"

namespace trunkline::oauth {
namespace {

// Locale-free, unlike isalnum.
bool StandsForItself(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '*' || c == '-' ||
         c == '.' || c == '_';
}

void Add(std::string& form, std::string_view name, std::string_view value) {
  if (!form.empty()) form += '&';
  form.append(name).append("=").append(FormEncode(value));
}

}  // namespace

std::string FormEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (StandsForItself(c)) {
      encoded += c;
    } else if (c == ' ') {
      encoded += '+';
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

TokenRequest BuildTokenRequest(const Credential& credential) {
  TokenRequest request;
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");

  std::string form;
  if (credential.grant == Grant::kPassword) {
    Add(form, "grant_type", "password");
    Add(form, "username", credential.username);
    Add(form, "password", credential.password);
  } else {
    Add(form, "grant_type", "client_credentials");
  }
  if (!credential.scope.empty()) Add(form, "scope", credential.scope);

  if (credential.client_auth == ClientAuth::kBasic) {
    // Encoded before they are joined, so that a colon in the id cannot be taken for the separator.
    const std::string pair = FormEncode(credential.client_id) + ":" + FormEncode(credential.client_secret);
    request.headers.emplace_back("Authorization",
                                 "Basic " + crypto::Encode(AsBytes(pair), crypto::Encoding::kBase64));
  } else {
    Add(form, "client_id", credential.client_id);
    Add(form, "client_secret", credential.client_secret);
  }
  (credential.client_auth == ClientAuth::kQuery ? request.url_query : request.body) = std::move(form);
  return request;
}

}  // namespace trunkline::oauth
