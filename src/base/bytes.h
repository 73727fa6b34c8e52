// Views over bytes and text. They own nothing: whoever passes one keeps the memory alive for the call.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace trunkline {

using ByteView = std::span<const std::uint8_t>;

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace trunkline
