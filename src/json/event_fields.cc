#include "json/event_fields.h"

#include <array>
#include <span>
#include <string_view>
#include <utility>

namespace trunkline::json {
namespace {

Error Malformed(std::string message) { return Error{ErrorCode::kMalformedPayload, std::move(message)}; }

// The names of the members that `wanted` holds for, separated by commas.
template <typename Predicate>
std::string Names(std::span<const Member> members, Predicate wanted) {
  std::string names;
  for (const Member& member : members) {
    if (!wanted(member)) continue;
    if (!names.empty()) names += ", ";
    names += member.name;
  }
  return names;
}

bool IsTooLong(const Member& member) { return member.kind == Member::Kind::kTooLong; }

}  // namespace

Result<EventFields> ParseEventFields(ByteView body) {
  std::array<Member, 4> members = {
      {{.name = "webhookEventId"}, {.name = "intent"}, {.name = "dialogId"}, {.name = "sessionId"}}};
  const Status read = PickMembers(body, members, kMaxFieldBytes);
  if (!read) return Malformed("Malformed payload: " + read.error().message);

  const std::string missing = Names(members, [](const Member& m) { return m.text.empty() && !IsTooLong(m); });
  if (!missing.empty()) return Malformed("Malformed payload. Missing fields: " + missing);
  const std::string too_long = Names(members, IsTooLong);
  if (!too_long.empty()) {
    const char* verb = too_long.find(',') == std::string::npos ? " is" : " are";
    return Malformed("Malformed payload: " + too_long + verb + " longer than " +
                     std::to_string(kMaxFieldBytes) + " bytes");
  }
  return EventFields{std::move(members[0].text), std::move(members[1].text), std::move(members[2].text),
                     std::move(members[3].text)};
}

}  // namespace trunkline::json
