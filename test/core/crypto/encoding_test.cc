// Hex and base64: the vectors of RFC 4648 section 10, and everything that strictness turns away.
#include "crypto/encoding.h"

#include <gtest/gtest.h>

#include "crypto/random.h"

namespace trunkline::crypto {
namespace {

struct Vector {
  std::string_view plain, base64, hex;
};
constexpr Vector kVectors[] = {{"", "", ""},
                               {"f", "Zg==", "66"},
                               {"fo", "Zm8=", "666f"},
                               {"foo", "Zm9v", "666f6f"},
                               {"foob", "Zm9vYg==", "666f6f62"},
                               {"fooba", "Zm9vYmE=", "666f6f6261"},
                               {"foobar", "Zm9vYmFy", "666f6f626172"}};

std::string DecodedText(std::string_view text, Encoding encoding) {
  const auto bytes = Decode(text, encoding);
  return bytes ? std::string(AsText(*bytes)) : "(refused)";
}

TEST(Encoding, Rfc4648Vectors) {
  for (const Vector& v : kVectors) {
    EXPECT_EQ(Encode(AsBytes(v.plain), Encoding::kBase64), v.base64);
    EXPECT_EQ(Encode(AsBytes(v.plain), Encoding::kHex), v.hex);
    EXPECT_EQ(DecodedText(v.base64, Encoding::kBase64), v.plain);
    EXPECT_EQ(DecodedText(v.hex, Encoding::kHex), v.plain);
    EXPECT_EQ(EncodedSize(v.plain.size(), Encoding::kBase64), v.base64.size());
    EXPECT_EQ(EncodedSize(v.plain.size(), Encoding::kHex), v.hex.size());
  }
}

TEST(Encoding, HexIsReadInEitherCase) {
  EXPECT_EQ(DecodedText("4a4B", Encoding::kHex), "JK");
  EXPECT_EQ(DecodedText("FfABcdEF", Encoding::kHex), "\xFF\xAB\xCD\xEF");
}

TEST(Encoding, OddHexIsRefused) {
  for (const std::string_view text :
       {"6", "666", "6g", "g6", "0x66", " 66", "66 ", "6 6", "66\n", "\xFF\xFF", "--"}) {
    EXPECT_FALSE(Decode(text, Encoding::kHex)) << text;
  }
  EXPECT_FALSE(Decode(std::string_view("6\0", 2), Encoding::kHex));
}

TEST(Encoding, OddBase64IsRefused) {
  for (const std::string_view text :
       {"Z",        "Zg",   "Zg=",  "Zg===", "Zm8",  "Zm9v=", "Zm9v====", "====",  "=",       "==",  "Z===",
        "Zg==Zg==", "Zm=v", "=m9v", "Zm9-",  "Zm9_", "Zm 9v", "Zm9v\n",   " Zm9v", "Zm9\xFF", "Zg=g"}) {
    EXPECT_FALSE(Decode(text, Encoding::kBase64)) << text;
  }
  EXPECT_FALSE(Decode(std::string_view("Zm9\0", 4), Encoding::kBase64));
}

TEST(Encoding, StrayTrailingBitsAreRefused) {
  EXPECT_FALSE(Decode("Zh==", Encoding::kBase64));
  EXPECT_FALSE(Decode("Zm9=", Encoding::kBase64));
}

TEST(Encoding, EveryLengthComesBack) {
  for (std::size_t size = 0; size < 200; ++size) {
    std::vector<std::uint8_t> bytes(size);
    RandomBytes(bytes);
    for (const Encoding encoding : {Encoding::kHex, Encoding::kBase64}) {
      const std::string text = Encode(bytes, encoding);
      EXPECT_EQ(Decode(text, encoding), bytes);
      std::vector<std::uint8_t> again(size);
      EXPECT_TRUE(DecodeExactly(text, encoding, again));
      EXPECT_EQ(again, bytes);
      std::vector<std::uint8_t> longer(size + 1);
      EXPECT_FALSE(DecodeExactly(text, encoding, longer));
    }
  }
}

}  // namespace
}  // namespace trunkline::crypto
