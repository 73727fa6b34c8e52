// HMAC through OpenSSL 3's EVP_MAC, with nothing looked up by name after the first key.
#include "crypto/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace trunkline::crypto {
namespace {

// Fetching costs several microseconds and takes OpenSSL's locks, so it happens once per process. Never freed:
// a static destructor could run while another thread still computes, or after OpenSSL has cleaned itself up.
EVP_MAC* HmacAlgorithm() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  return algorithm;
}

const char* DigestName(Digest digest) {
  switch (digest) {
    case Digest::kSha1:
      return "SHA1";
    case Digest::kSha256:
      return "SHA256";
    case Digest::kSha512:
      return "SHA512";
  }
  return "";
}

struct FreeMacContext {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

}  // namespace

std::size_t DigestSize(Digest digest) {
  switch (digest) {
    case Digest::kSha1:
      return 20;
    case Digest::kSha256:
      return 32;
    case Digest::kSha512:
      return 64;
  }
  return 0;
}

struct Hmac::Context {
  Digest digest;
  std::unique_ptr<EVP_MAC_CTX, FreeMacContext> mac;
};

Hmac::Hmac(std::unique_ptr<Context> context) : context_(std::move(context)) {}
Hmac::Hmac(Hmac&&) noexcept = default;
Hmac& Hmac::operator=(Hmac&&) noexcept = default;
Hmac::~Hmac() = default;

Result<Hmac> Hmac::Create(Digest digest, ByteView key) {
  if (key.empty()) return Error{ErrorCode::kConfigInvalid, "secret: expected at least one byte, got none"};
  const Error unavailable{ErrorCode::kConfigInvalid, "OpenSSL does not provide HMAC with this digest"};
  if (HmacAlgorithm() == nullptr) return unavailable;
  auto context = std::make_unique<Context>();
  context->digest = digest;
  context->mac.reset(EVP_MAC_CTX_new(HmacAlgorithm()));
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(DigestName(digest)), 0),
      OSSL_PARAM_construct_end()};
  if (!context->mac || EVP_MAC_init(context->mac.get(), key.data(), key.size(), params) != 1)
    return unavailable;
  return Hmac(std::move(context));
}

Digest Hmac::digest() const { return context_->digest; }

void Hmac::Compute(std::initializer_list<ByteView> parts, std::array<std::uint8_t, kMaxDigestSize>& out) {
  EVP_MAC_CTX* const mac = context_->mac.get();
  // Without a key, init goes back to the state right after the prepared key: both of its blocks stay hashed.
  bool done = EVP_MAC_init(mac, nullptr, 0, nullptr) == 1;
  for (const ByteView part : parts) {
    done = done && (part.empty() || EVP_MAC_update(mac, part.data(), part.size()) == 1);
  }
  std::size_t size = 0;
  done = done && EVP_MAC_final(mac, out.data(), &size, out.size()) == 1;
  if (!done || size != DigestSize(context_->digest)) {
    // Only an allocation inside OpenSSL can fail here. Going on with a stale or empty code would be a
    // forgery's chance.
    std::fputs("trunkline: OpenSSL could not compute an HMAC\n", stderr);
    std::abort();
  }
}

bool ConstantTimeEqual(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace trunkline::crypto
