// A block of random bytes per thread, refilled from RAND_bytes.
#include "crypto/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace trunkline::crypto {
namespace {

constexpr std::size_t kBlockSize = 4096;

// Counts forks. A child's copy of a block holds the very bytes that its parent will hand out next.
std::atomic<std::uint32_t> fork_count{0};

void WatchForks() {
#if defined(__unix__) || defined(__APPLE__)
  static const int watched =
      pthread_atfork(nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(watched);
#endif
}

// Trivially destructible on purpose: a destructor of a thread-local could run after the addon was unloaded.
struct Block {
  std::array<std::uint8_t, kBlockSize> bytes;
  std::size_t left;  // unused bytes; they are the last ones of `bytes`
  std::uint32_t fork;
};
thread_local Block block{};

void Draw(std::uint8_t* out, std::size_t size) {
  while (size > 0) {
    const int count = static_cast<int>(std::min<std::size_t>(size, INT_MAX));
    if (RAND_bytes(out, count) != 1) {
      std::fputs("trunkline: OpenSSL's random generator failed\n", stderr);
      std::abort();
    }
    out += count;
    size -= static_cast<std::size_t>(count);
  }
}

}  // namespace

void RandomBytes(std::span<std::uint8_t> out) {
  if (out.empty()) return;
  if (out.size() > kBlockSize / 4) return Draw(out.data(), out.size());
  if (const std::uint32_t fork = fork_count.load(std::memory_order_relaxed); block.fork != fork) {
    block.fork = fork;
    block.left = 0;
  }
  if (block.left < out.size()) {
    WatchForks();
    Draw(block.bytes.data(), kBlockSize);
    block.left = kBlockSize;
  }
  std::uint8_t* const from = block.bytes.data() + (kBlockSize - block.left);
  std::memcpy(out.data(), from, out.size());
  // What was handed out may have become a key; it does not stay behind.
  OPENSSL_cleanse(from, out.size());
  block.left -= out.size();
}

std::uint64_t RandomBelow(std::uint64_t bound) {
  if (bound < 2) return 0;
  // Values under 2^64 mod bound are drawn again; they would make the small results likelier.
  const std::uint64_t first_fair = (0 - bound) % bound;
  std::uint64_t value = 0;
  do {
    RandomBytes({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
  } while (value < first_fair);
  return value % bound;
}

double RandomUnit() {
  constexpr std::uint64_t kSteps = std::uint64_t{1} << 53;  // what a double tells apart below 1
  return static_cast<double>(RandomBelow(kSteps)) / static_cast<double>(kSteps);
}

std::string RandomUuid() {
  std::array<std::uint8_t, 16> bytes;
  RandomBytes(bytes);
  bytes[6] = (bytes[6] & 0x0F) | 0x40;
  bytes[8] = (bytes[8] & 0x3F) | 0x80;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (const std::uint8_t byte : bytes) {
    if (at == 8 || at == 13 || at == 18 || at == 23) ++at;
    text[at++] = kHex[byte >> 4];
    text[at++] = kHex[byte & 15];
  }
  return text;
}

}  // namespace trunkline::crypto
