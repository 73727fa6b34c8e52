// Webhook signatures: who sent these bytes, judged by a keyed hash over exactly the bytes that came.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/encoding.h"
#include "crypto/hmac.h"

namespace trunkline::crypto {

// How a sender signs. A new one is a row in the table of signature_verifier.cc, or comes from the user.
struct SignatureScheme {
  std::string name;  // "cognigy", …; "custom" for the user's own
  Digest digest = Digest::kSha256;
  Encoding encoding = Encoding::kHex;
  std::string header;              // as it is written when sent, e.g. "X-Cognigy-Signature"
  std::string prefix{};            // before the encoded code, e.g. "sha256="
  bool standard_webhooks = false;  // the three-header scheme of the Standard Webhooks specification 1.0.0
};

// The schemes known by name: cognigy, connector, open-messaging, standard-webhooks. nullptr: no such name.
const SignatureScheme* FindScheme(std::string_view name);

enum class Verdict : std::uint8_t { kValid, kMissing, kMalformed, kMismatch, kExpired };
std::string_view ToString(Verdict verdict);  // "valid", "missing", "malformed", "mismatch", "expired"

// The signature's parts as they came. A header that did not come is empty. `id` and `timestamp` count for
// standard-webhooks only.
struct SignatureHeaders {
  std::string_view signature;
  std::string_view id{};
  std::string_view timestamp{};
};

struct Verification {
  Verdict verdict = Verdict::kMissing;
  std::size_t secret_index = 0;  // which secret fitted, when valid
};

// Not for two threads at once.
class SignatureVerifier {
 public:
  // `secrets`: raw key bytes, several while a secret is being rotated. CONFIG_INVALID for none, or for an
  // empty one.
  static Result<SignatureVerifier> Create(SignatureScheme scheme,
                                          const std::vector<std::vector<std::uint8_t>>& secrets,
                                          std::int64_t tolerance_seconds = 300);

  const SignatureScheme& scheme() const { return scheme_; }

  // Never fails otherwise than by its verdict, whatever a sender sends. Every secret is tried, and each
  // comparison takes the same time.
  Verification Verify(ByteView body, const SignatureHeaders& headers, std::int64_t now_seconds);

  // The headers (name, value) that the first secret gives these bytes. `id` and `timestamp_seconds` count for
  // standard-webhooks only.
  std::vector<std::pair<std::string, std::string>> Sign(ByteView body, std::string_view id,
                                                        std::int64_t timestamp_seconds);

 private:
  SignatureVerifier(SignatureScheme scheme, std::vector<Hmac> keys, std::int64_t tolerance_seconds);
  SignatureScheme scheme_;
  std::vector<Hmac> keys_;
  std::int64_t tolerance_seconds_;
};

// A secret as users write it → key bytes. For standard-webhooks: base64, with or without "whsec_"; else the
// text's UTF-8 bytes. CONFIG_INVALID for an empty one or bad base64; the message never repeats the secret.
Result<std::vector<std::uint8_t>> KeyFromText(const SignatureScheme& scheme, std::string_view secret);

}  // namespace trunkline::crypto
