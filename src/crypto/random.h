// Random bytes from OpenSSL's generator, drawn in blocks: one call into it serves many small requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"

namespace trunkline::crypto {

// Fills `out` with unpredictable bytes. Callable from any thread (each has its own block); a forked child
// starts a block of its own. Ends the process when the generator fails: there is no weaker source to fall
// back to.
void RandomBytes(std::span<std::uint8_t> out);

// A number in [0, bound), each equally likely; 0 when bound is 0. For jitter.
std::uint64_t RandomBelow(std::uint64_t bound);

// A number in [0, 1), for jitter where a policy takes chance as a number.
double RandomUnit();

// A version-4 UUID (RFC 9562, section 5.4), 36 characters, lower case.
std::string RandomUuid();

}  // namespace trunkline::crypto
