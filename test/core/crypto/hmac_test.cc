// HMAC against the vectors of RFC 2202 (SHA-1) and RFC 4231 (SHA-256, SHA-512).
#include "crypto/hmac.h"

#include <gtest/gtest.h>

#include <string>

#include "crypto/encoding.h"

namespace trunkline::crypto {
namespace {

std::string Code(Digest digest, std::string_view key, std::string_view data) {
  Result<Hmac> hmac = Hmac::Create(digest, AsBytes(key));
  std::array<std::uint8_t, kMaxDigestSize> out;
  hmac->Compute({AsBytes(data)}, out);
  return Encode(std::span(out).first(DigestSize(digest)), Encoding::kHex);
}

std::string Counting(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += static_cast<char>(i);
  return text;
}

struct Vector {
  std::string key, data, code;
};

TEST(Hmac, Rfc2202Sha1) {
  const Vector vectors[] = {
      {std::string(20, '\x0b'), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
      {"Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'), "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
      {Counting(1, 25), std::string(50, '\xcd'), "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
      {std::string(80, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
      {std::string(80, '\xaa'), "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
       "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"}};
  for (const Vector& v : vectors) EXPECT_EQ(Code(Digest::kSha1, v.key, v.data), v.code);
}

TEST(Hmac, Rfc4231Sha256) {
  const Vector vectors[] = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {Counting(1, 25), std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"}};
  for (const Vector& v : vectors) EXPECT_EQ(Code(Digest::kSha256, v.key, v.data), v.code);
}

TEST(Hmac, Rfc4231Sha512) {
  EXPECT_EQ(Code(Digest::kSha512, "Jefe", "what do ya want for nothing?"),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

TEST(Hmac, AnEmptyKeyIsRefused) {
  const Result<Hmac> hmac = Hmac::Create(Digest::kSha256, {});
  ASSERT_FALSE(hmac.ok());
  EXPECT_EQ(hmac.error().code, ErrorCode::kConfigInvalid);
}

TEST(Hmac, OneContextServesManyAndPartsAreJoined) {
  Result<Hmac> hmac = Hmac::Create(Digest::kSha256, AsBytes("key"));
  std::array<std::uint8_t, kMaxDigestSize> whole, parts, again;
  whole.fill(0xEE);
  parts = again = whole;
  hmac->Compute({AsBytes("one.two.three")}, whole);
  hmac->Compute({AsBytes("one"), AsBytes("."), {}, AsBytes("two"), AsBytes(".three")}, parts);
  hmac->Compute({AsBytes("one.two.three")}, again);
  EXPECT_EQ(whole, parts);
  EXPECT_EQ(whole, again);
  EXPECT_EQ(whole[32], 0xEE) << "bytes past the digest are untouched";

  Hmac moved = std::move(hmac).value();
  moved.Compute({AsBytes("one.two.three")}, again);
  EXPECT_EQ(whole, again);
  EXPECT_EQ(moved.digest(), Digest::kSha256);
}

TEST(Hmac, NothingAtAllHasACodeToo) {
  EXPECT_EQ(Code(Digest::kSha256, "key", ""),
            "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0");
}

TEST(ConstantTimeEqual, ComparesBytesAndLengths) {
  EXPECT_TRUE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abc")));
  EXPECT_TRUE(ConstantTimeEqual({}, {}));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abd")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("ab")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), {}));
}

}  // namespace
}  // namespace trunkline::crypto
