// Fuzzes ParseEventFields: whatever comes, it answers within its promises.
#include <cstdio>
#include <string>

#include "json/event_fields.h"
#include "require.h"

namespace {

using trunkline::ByteView;
using trunkline::ErrorCode;
using trunkline::fuzz::Require;
using trunkline::json::EventFields;

// As a JSON string with every byte but the plainest escaped or passed on.
std::string Quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    char escape[8];
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      json += escape;
    } else {
      json += c;
    }
  }
  return json + '"';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fields = trunkline::json::ParseEventFields(ByteView(data, size));
  if (!fields.ok()) {
    Require(fields.error().code == ErrorCode::kMalformedPayload, "one error code");
    Require(fields.error().message.starts_with("Malformed payload"), "messages begin alike");
    Require(fields.error().message.size() < 160, "messages repeat nothing of the content");
    return 0;
  }
  for (const std::string* field :
       {&fields->event_id, &fields->intent, &fields->dialog_id, &fields->session_id}) {
    Require(!field->empty() && field->size() <= trunkline::json::kMaxFieldBytes, "fields are within bounds");
  }
  // What was picked is text: written as JSON again, it reads the same.
  const std::string again =
      "{\"webhookEventId\":" + Quoted(fields->event_id) + ",\"intent\":" + Quoted(fields->intent) +
      ",\"dialogId\":" + Quoted(fields->dialog_id) + ",\"sessionId\":" + Quoted(fields->session_id) + "}";
  const auto reread = trunkline::json::ParseEventFields(trunkline::AsBytes(again));
  Require(reread.ok() && reread->event_id == fields->event_id && reread->intent == fields->intent &&
              reread->dialog_id == fields->dialog_id && reread->session_id == fields->session_id,
          "picked fields read the same again");
  return 0;
}
