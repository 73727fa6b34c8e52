// Named members of a JSON object, picked out of its text without building a tree of the rest (RFC 8259).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace trunkline::json {

constexpr std::size_t kMaxDepth = 64;       // of arrays and objects inside one another
constexpr std::size_t kMaxPickedName = 32;  // bytes in the name of a picked member

// One member to pick, and what was found. For every kind but kText the text is empty.
struct Member {
  enum class Kind : std::uint8_t {
    kAbsent,
    kText,     // a string; escapes are undone
    kTooLong,  // a string above the limit
    kNumber,
    kOther,  // true, false, null, an array or an object
  };
  std::string_view name;  // at most kMaxPickedName bytes
  Kind kind = Kind::kAbsent;
  std::string text{};
  double number = 0;  // kNumber; may be infinite
};

// Reads what `members` name of the outermost object, strings up to `max_text_bytes`. Of a name that comes
// twice the last one counts, as in JSON.parse. MALFORMED_PAYLOAD for bytes that are not UTF-8, not JSON,
// deeper than kMaxDepth or not an object. The message is the bare reason and repeats nothing of the text:
// "not a JSON object".
Status PickMembers(ByteView body, std::span<Member> members, std::size_t max_text_bytes);

}  // namespace trunkline::json
