// Hex and base64 (RFC 4648, sections 8 and 4) of short values: keys, digests, nonces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace trunkline::crypto {

enum class Encoding : std::uint8_t { kHex, kBase64 };

// The length of the text that `size` bytes become.
constexpr std::size_t EncodedSize(std::size_t size, Encoding encoding) {
  return encoding == Encoding::kHex ? size * 2 : (size + 2) / 3 * 4;
}

// Hex is lower case; base64 is padded.
std::string Encode(ByteView bytes, Encoding encoding);

// Strict: hex of even length in either case; base64 with its padding, without white space, and with zeros in
// the bits that the padding leaves over (so that every value has exactly one base64 text). Anything else is
// nullopt.
std::optional<std::vector<std::uint8_t>> Decode(std::string_view text, Encoding encoding);

// The same without allocating: true when `text` is strict and decodes to exactly out.size() bytes.
// Text of any other length is turned away unread. After false the bytes of `out` are unspecified.
bool DecodeExactly(std::string_view text, Encoding encoding, std::span<std::uint8_t> out);

}  // namespace trunkline::crypto
