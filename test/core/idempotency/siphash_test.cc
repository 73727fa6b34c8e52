// SipHash-2-4-128 against vectors of the reference implementation and against OpenSSL's.
#include "idempotency/siphash.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstring>
#include <numeric>
#include <vector>

namespace trunkline::idempotency {
namespace {

using Bytes16 = std::array<std::uint8_t, 16>;

SipKey KeyOf(const Bytes16& bytes) {
  SipKey key;
  std::memcpy(key.data(), bytes.data(), bytes.size());
  return key;
}

Bytes16 Ours(const Bytes16& key, ByteView data) {
  const Hash128 hash = SipHash128(KeyOf(key), data);
  Bytes16 out;
  std::memcpy(out.data(), &hash.low, 8);
  std::memcpy(out.data() + 8, &hash.high, 8);
  return out;
}

Bytes16 OpenSsl(const Bytes16& key, ByteView data) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  std::size_t size = 16;
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t("size", &size), OSSL_PARAM_construct_end()};
  Bytes16 out{};
  EXPECT_EQ(EVP_MAC_init(context, key.data(), key.size(), params), 1);
  EXPECT_EQ(EVP_MAC_update(context, data.data(), data.size()), 1);
  EXPECT_EQ(EVP_MAC_final(context, out.data(), &size, out.size()), 1);
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  return out;
}

TEST(SipHash, ReferenceVectors) {
  Bytes16 key;
  std::iota(key.begin(), key.end(), std::uint8_t{0});
  std::vector<std::uint8_t> data(64);
  std::iota(data.begin(), data.end(), std::uint8_t{0});
  const Bytes16 of_nothing = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                              0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
  const Bytes16 of_one_byte = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
                               0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
  EXPECT_EQ(Ours(key, {}), of_nothing);
  EXPECT_EQ(Ours(key, ByteView(data).first(1)), of_one_byte);
}

TEST(SipHash, AgreesWithOpenSslAtEveryLength) {
  std::vector<std::uint8_t> data;
  Bytes16 key;
  for (std::size_t size = 0; size <= 130; ++size) {
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(size * 37 + i * 101);
    EXPECT_EQ(Ours(key, data), OpenSsl(key, data)) << size;
    data.push_back(static_cast<std::uint8_t>(size * 151 + 17));
  }
}

}  // namespace
}  // namespace trunkline::idempotency
