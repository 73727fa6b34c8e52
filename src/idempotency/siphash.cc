// SipHash-2-4-128, after the pseudocode of the paper and the reference's constants for the 128-bit variant.
#include "idempotency/siphash.h"

#include <bit>
#include <cstring>

namespace trunkline::idempotency {
namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void Rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }

  void Absorb(std::uint64_t word) {
    v3 ^= word;
    Rounds(2);
    v0 ^= word;
  }

  std::uint64_t Fold() const { return v0 ^ v1 ^ v2 ^ v3; }
};

// Little-endian on every machine, so that hashes kept in a file mean the same elsewhere.
std::uint64_t LoadWord(const std::uint8_t* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  if constexpr (std::endian::native == std::endian::big) {
    std::uint64_t swapped = 0;
    for (int i = 0; i < 8; ++i) swapped |= (word >> (8 * i) & 0xFF) << (56 - 8 * i);
    return swapped;
  }
  return word;
}

}  // namespace

Hash128 SipHash128(const SipKey& key, ByteView data) {
  State state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d ^ 0xee, key[0] ^ 0x6c7967656e657261,
              key[1] ^ 0x7465646279746573};
  const std::size_t whole = data.size() & ~std::size_t{7};
  for (std::size_t i = 0; i < whole; i += 8) state.Absorb(LoadWord(data.data() + i));
  std::uint64_t last = static_cast<std::uint64_t>(data.size()) << 56;
  for (std::size_t i = whole; i < data.size(); ++i) last |= std::uint64_t{data[i]} << (8 * (i - whole));
  state.Absorb(last);

  Hash128 hash;
  state.v2 ^= 0xee;
  state.Rounds(4);
  hash.low = state.Fold();
  state.v1 ^= 0xdd;
  state.Rounds(4);
  hash.high = state.Fold();
  return hash;
}

}  // namespace trunkline::idempotency
