// Is an address out on the internet, or one that leads somewhere private?
#pragma once

#include "net/resolver.h"

namespace trunkline::net {

// By the IANA registries of special-purpose addresses (RFC 6890): false for loopback, private, shared and
// link-local addresses, those of documentation, benchmarks and protocols, multicast, and what is reserved. An
// IPv6 address that only carries an IPv4 one (RFC 4291, 2.5.5.2; RFC 6052; RFC 3056) is what that one is.
bool IsPublic(const Address& address);

}  // namespace trunkline::net
