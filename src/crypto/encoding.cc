// Hex and base64 by table. OpenSSL's EVP_DecodeBlock is not used: it skips white space and forgives stray
// bits.
#include "crypto/encoding.h"

#include <algorithm>
#include <array>

namespace trunkline::crypto {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kInvalid = 0xFF;

using DigitTable = std::array<std::uint8_t, 256>;

constexpr DigitTable MakeTable(std::string_view digits) {
  DigitTable table{};
  table.fill(kInvalid);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    table[static_cast<std::uint8_t>(digits[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr DigitTable MakeHexTable() {
  DigitTable table = MakeTable(kHexDigits);
  for (std::uint8_t i = 10; i < 16; ++i) table['A' + i - 10] = i;
  return table;
}

constexpr DigitTable kHexValues = MakeHexTable();
constexpr DigitTable kBase64Values = MakeTable(kBase64Digits);

std::uint8_t Value(const DigitTable& table, char c) { return table[static_cast<std::uint8_t>(c)]; }

bool DecodeHex(std::string_view text, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint8_t high = Value(kHexValues, text[2 * i]);
    const std::uint8_t low = Value(kHexValues, text[2 * i + 1]);
    if (high == kInvalid || low == kInvalid) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

bool DecodeBase64(std::string_view text, std::span<std::uint8_t> out) {
  std::size_t written = 0;
  for (std::size_t i = 0; written < out.size(); i += 4) {
    const std::size_t bytes = std::min<std::size_t>(3, out.size() - written);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      std::uint8_t value = 0;
      if (k <= bytes) {
        value = Value(kBase64Values, text[i + k]);
        if (value == kInvalid) return false;
      } else if (text[i + k] != '=') {
        return false;
      }
      group = group << 6 | value;
    }
    for (std::size_t k = 0; k < bytes; ++k) {
      out[written++] = static_cast<std::uint8_t>(group >> (16 - 8 * k));
    }
    if (const std::uint32_t left_over = group & ((1U << (24 - 8 * bytes)) - 1); left_over != 0) return false;
  }
  return true;
}

// How many bytes a text of this shape stands for; nullopt when its length alone rules it out.
std::optional<std::size_t> DecodedSize(std::string_view text, Encoding encoding) {
  if (encoding == Encoding::kHex) {
    if (text.size() % 2 != 0) return std::nullopt;
    return text.size() / 2;
  }
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t size = text.size() / 4 * 3;
  if (text.ends_with("==")) return size - 2;
  return text.ends_with('=') ? size - 1 : size;
}

}  // namespace

std::string Encode(ByteView bytes, Encoding encoding) {
  std::string text;
  text.reserve(EncodedSize(bytes.size(), encoding));
  if (encoding == Encoding::kHex) {
    for (const std::uint8_t byte : bytes) {
      text += kHexDigits[byte >> 4];
      text += kHexDigits[byte & 15];
    }
    return text;
  }
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16;
    if (count > 1) group |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    if (count > 2) group |= bytes[i + 2];
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? kBase64Digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> Decode(std::string_view text, Encoding encoding) {
  const std::optional<std::size_t> size = DecodedSize(text, encoding);
  if (!size) return std::nullopt;
  std::vector<std::uint8_t> bytes(*size);
  if (!DecodeExactly(text, encoding, bytes)) return std::nullopt;
  return bytes;
}

bool DecodeExactly(std::string_view text, Encoding encoding, std::span<std::uint8_t> out) {
  if (text.size() != EncodedSize(out.size(), encoding)) return false;
  return encoding == Encoding::kHex ? DecodeHex(text, out) : DecodeBase64(text, out);
}

}  // namespace trunkline::crypto
