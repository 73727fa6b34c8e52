// HMAC (RFC 2104) with the key schedule prepared once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace trunkline::crypto {

enum class Digest : std::uint8_t { kSha1, kSha256, kSha512 };

constexpr std::size_t kMaxDigestSize = 64;
std::size_t DigestSize(Digest digest);  // bytes: 20, 32, 64

// One prepared key. Not for two threads at once: computing reuses one context.
class Hmac {
 public:
  // Fails with CONFIG_INVALID for an empty key.
  static Result<Hmac> Create(Digest digest, ByteView key);
  Hmac(Hmac&&) noexcept;
  Hmac& operator=(Hmac&&) noexcept;
  ~Hmac();

  Digest digest() const;
  // The code of the parts, one after the other, in the first DigestSize(digest()) bytes of `out`. Bytes past
  // those are untouched.
  void Compute(std::initializer_list<ByteView> parts, std::array<std::uint8_t, kMaxDigestSize>& out);

 private:
  struct Context;
  explicit Hmac(std::unique_ptr<Context> context);
  std::unique_ptr<Context> context_;
};

// Equal in a time that depends on the length alone.
bool ConstantTimeEqual(ByteView a, ByteView b);

}  // namespace trunkline::crypto
