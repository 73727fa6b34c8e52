#include "net/address_class.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace trunkline::net {
namespace {

using V4 = std::array<std::uint8_t, 4>;
using V6 = std::array<std::uint8_t, 16>;

struct V4Block {
  V4 start;
  std::size_t bits;
};

// All else is public. https://www.iana.org/assignments/iana-ipv4-special-registry
constexpr V4Block kNotPublic[] = {
    {{0}, 8},              // this network (RFC 791)
    {{10}, 8},             // private (RFC 1918)
    {{100, 64}, 10},       // shared, behind a carrier's NAT (RFC 6598)
    {{127}, 8},            // loopback (RFC 1122)
    {{169, 254}, 16},      // link-local (RFC 3927); a cloud's metadata is at 169.254.169.254
    {{172, 16}, 12},       // private
    {{192, 0, 0}, 24},     // protocol assignments (RFC 6890)
    {{192, 0, 2}, 24},     // documentation (RFC 5737)
    {{192, 88, 99}, 24},   // once relays to 6to4 (RFC 7526)
    {{192, 168}, 16},      // private
    {{198, 18}, 15},       // benchmarks (RFC 2544)
    {{198, 51, 100}, 24},  // documentation
    {{203, 0, 113}, 24},   // documentation
    {{224}, 4},            // multicast (RFC 5771)
    {{240}, 4},            // reserved (RFC 1112), and the broadcast address
};

constexpr std::size_t kCarriesNone = 16;

struct V6Block {
  V6 start;
  std::size_t bits;
  bool is_public;
  std::size_t v4_at = kCarriesNone;  // where the IPv4 address stands that decides
};

// The first that fits decides; all else is not public. Of IPv6 only 2000::/3 has been given out (RFC 4291).
// https://www.iana.org/assignments/iana-ipv6-special-registry
constexpr V6Block kV6Blocks[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, false, 12},  // ::ffff:0:0/96, IPv4-mapped
    {{0x00, 0x64, 0xff, 0x9b}, 96, false, 12},                    // 64:ff9b::/96, NAT64
    {{0x20, 0x02}, 16, false, 2},                                 // 2002::/16, 6to4
    {{0x20, 0x01}, 23, false},              // 2001::/23, protocol assignments, Teredo among them
    {{0x20, 0x01, 0x0d, 0xb8}, 32, false},  // 2001:db8::/32, documentation (RFC 3849)
    {{0x3f, 0xff}, 20, false},              // 3fff::/20, documentation (RFC 9637)
    {{0x20}, 3, true},
};

bool IsIn(std::span<const std::uint8_t> address, std::span<const std::uint8_t> start, std::size_t bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(start.begin(), start.begin() + static_cast<std::ptrdiff_t>(whole), address.begin()))
    return false;
  return bits % 8 == 0 || ((address[whole] ^ start[whole]) >> (8 - bits % 8)) == 0;
}

bool IsPublicV4(std::span<const std::uint8_t> address) {
  return std::none_of(std::begin(kNotPublic), std::end(kNotPublic),
                      [=](const V4Block& block) { return IsIn(address, block.start, block.bits); });
}

bool IsPublicV6(std::span<const std::uint8_t> address) {
  for (const V6Block& block : kV6Blocks) {
    if (!IsIn(address, block.start, block.bits)) continue;
    return block.v4_at == kCarriesNone ? block.is_public : IsPublicV4(address.subspan(block.v4_at, 4));
  }
  return false;
}

}  // namespace

bool IsPublic(const Address& address) {
  if (address.is_ipv6()) {
    V6 bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address.raw())->sin6_addr, bytes.size());
    return IsPublicV6(bytes);
  }
  V4 bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(address.raw())->sin_addr, bytes.size());
  return IsPublicV4(bytes);
}

}  // namespace trunkline::net
