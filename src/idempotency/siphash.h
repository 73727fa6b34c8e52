// SipHash-2-4 with 128-bit output (Aumasson, Bernstein: "SipHash: a fast short-input PRF"; the reference's
// 128-bit variant).
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace trunkline::idempotency {

using SipKey = std::array<std::uint64_t, 2>;
struct Hash128 {
  std::uint64_t low, high;
};
Hash128 SipHash128(const SipKey& key, ByteView data);

}  // namespace trunkline::idempotency
