// The fields of an event, picked out of its JSON (RFC 8259).
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "json/object_fields.h"

namespace trunkline::json {

constexpr std::size_t kMaxFieldBytes = 1024;  // of each picked field

struct EventFields {
  std::string event_id;  // webhookEventId
  std::string intent;
  std::string dialog_id;   // dialogId
  std::string session_id;  // sessionId
};

// Reads the four fields of the outermost object, each a non-empty string; of a name that comes twice the last
// one counts, as in JSON.parse. MALFORMED_PAYLOAD for bytes that are not UTF-8, not JSON, deeper than
// kMaxDepth, not an object, or with a field missing, of another type, empty or too long. The message begins
// "Malformed payload" and names every field in question in the order above: "Malformed payload. Missing
// fields: intent, sessionId".
Result<EventFields> ParseEventFields(ByteView body);

}  // namespace trunkline::json
